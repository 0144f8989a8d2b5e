"""Sessions that end, tabs that multiply, the back button: the agent always lands on a page that helps."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Agent, AgentSession
from tests.support import people
from tests.support.browser.tab import Tab, make_next_code

pytestmark = pytest.mark.browser

BUTTON = "S'authentifier avec Cerbère"


@pytest.fixture
def connected(tab, piag_site, enrolled):
    """Return a tab on PIAG's assistant, at two factors."""
    tab.open(f"{piag_site}/assistant/")
    tab.sign_in()
    tab.send_code(people.code())
    tab.is_on("Assistant – PIAG")
    return tab


def test_09_once_the_method_is_removed_piag_is_refused_again(connected, open_browser, piag_site):
    connected.open("/compte/")
    connected.follow("Retirer OTP Mél")
    connected.is_on("Retirer OTP Mél – Cerbère")
    connected.send_code(make_next_code(), "Retirer la méthode")
    connected.is_on("Mon compte – Cerbère")
    connected.check_text("La méthode OTP Mél est retirée.")
    later = open_browser()
    later.open(piag_site)
    later.press(BUTTON)
    later.sign_in()
    later.is_on("Accès interdit – PIAG – Cerbère", 403)


def test_10_a_session_that_expires_in_mid_enrolment_is_taken_up_again(tab, piag_site, camille):
    tab.open(f"{piag_site}/assistant/")
    tab.sign_in()
    tab.follow("Activer OTP Mél et continuer vers PIAG")
    AgentSession.objects.update(expire_date=timezone.now())
    tab.send_code(people.code())
    tab.is_on("Connexion – Cerbère")
    tab.check_text("Votre session a expiré. Reconnectez-vous, vous retrouverez PIAG ensuite.")
    expect(tab.page.locator("#session-expiree")).to_be_focused()
    tab.sign_in()
    tab.is_on("Saisir le code – Cerbère")
    tab.send_code(people.code())
    tab.follow("Continuer vers PIAG")
    tab.is_on("Assistant – PIAG")


def test_11_two_tabs_each_end_on_piag(tab, piag_site, enrolled):
    """C08: the second tab's form is older than the session that the first has opened."""
    second = Tab(tab.page.context.new_page())
    for each in (tab, second):
        each.open(piag_site)
        each.press(BUTTON)
        each.is_on("Connexion – Cerbère")
    tab.sign_in()
    tab.send_code(people.code())
    tab.is_on("Assistant – PIAG")
    second.sign_in()
    second.is_on("Page expirée – Cerbère", 403)
    second.follow("Recommencer")
    second.is_on("Assistant – PIAG")


def test_11_the_method_added_in_another_tab(tab, camille):
    tab.open("/connexion/?next=/compte/deux-facteurs/otp-mel/")
    tab.sign_in()
    second = Tab(tab.page.context.new_page())
    second.open("/compte/deux-facteurs/otp-mel/")
    tab.send_code(people.code())
    tab.is_on("Méthode activée – Cerbère")
    second.send_code(make_next_code())
    second.is_on("Page expirée – Cerbère", 403)
    second.follow("Recommencer")
    second.is_on("Mon compte – Cerbère")
    second.check_text("La méthode OTP Mél est déjà activée.")


def test_12_back_after_success(connected, piag_site):
    connected.page.go_back()
    connected.page.wait_for_load_state()
    connected.open(f"{piag_site}/assistant/")
    connected.is_on("Assistant – PIAG")


def test_12_back_after_signing_out_shows_nothing_of_the_agent(tab, camille):
    tab.open("/connexion/")
    tab.sign_in()
    tab.is_on("Mon compte – Cerbère")
    tab.press("Se déconnecter")
    tab.is_on("Déconnexion – Cerbère")
    tab.page.go_back()
    tab.is_on("Connexion – Cerbère")
    expect(tab.page.locator("body")).not_to_contain_text("Camille")


def test_13_signing_out_of_piag_ends_both_sessions(connected, piag_site):
    connected.press("Se déconnecter (Camille Durand)")
    connected.is_on("Connexion – PIAG")
    connected.check_text("Vous êtes déconnecté.")
    assert not AgentSession.objects.filter(agent__isnull=False).exists()
    connected.open("/compte/")
    connected.is_on("Connexion – Cerbère")
    connected.open(f"{piag_site}/assistant/")
    connected.is_on("Connexion – Cerbère")


def test_14_an_account_disabled_meanwhile_is_closed_at_the_next_request(tab, piag_site, camille):
    tab.open(f"{piag_site}/assistant/")
    tab.sign_in()
    Agent.objects.update(is_active=False)
    tab.follow("Activer OTP Mél et continuer vers PIAG")
    tab.is_on("Connexion – Cerbère")
    tab.sign_in()
    tab.is_on("Erreur – Connexion – Cerbère")
    tab.check_text("L’identifiant ou le mot de passe est incorrect.")


def test_another_account_from_the_refusal(tab, piag_site, camille, dominique):
    people.activate_otp_mel(dominique, people.DOMINIQUE_SECRET)
    tab.open(f"{piag_site}/assistant/")
    tab.sign_in()
    tab.follow("Changer de compte")
    tab.is_on("Se déconnecter – Cerbère")
    tab.press("Confirmer la déconnexion")
    tab.is_on("Connexion – Cerbère")
    tab.check_text("Pour accéder à PIAG.")
    tab.sign_in("dominique.morel")
    tab.send_code(people.code(people.DOMINIQUE_SECRET))
    tab.is_on("Assistant – PIAG")
    tab.check_text("Dominique Morel")
