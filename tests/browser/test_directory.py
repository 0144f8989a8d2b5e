"""People of the ministry's directory, in a real browser: the journey, and the pages that only they see."""

import pytest

from accounts.models import Agent
from tests.support import people
from tests.support.browser.checks import check_thoroughly
from tests.support.directory import JEANNE_EMAIL, PASSWORD

pytest_plugins = ["tests.support.fixtures.directory"]
pytestmark = pytest.mark.browser


@pytest.fixture
def jeanne(live_server, directory):
    """Put Jeanne in the directory and on the Bnum; Cerbère has no account of hers yet."""
    people.put_on_bnum("jeanne.lefevre")


def test_the_journey_of_somebody_whom_cerbere_has_never_seen(tab, piag_site, jeanne):
    tab.open(piag_site)
    tab.press("S'authentifier avec Cerbère")
    tab.sign_in(JEANNE_EMAIL, PASSWORD)
    tab.is_on("Accès interdit – PIAG – Cerbère", 403)
    tab.check_text("Mon compte (Jeanne Lefèvre)")
    tab.follow("Activer OTP Mél et continuer vers PIAG")
    tab.send_code(people.code())
    tab.is_on("Méthode activée – Cerbère")
    tab.follow("Continuer vers PIAG")
    tab.is_on("Assistant – PIAG")
    tab.check_text("eidas2 (deux facteurs)")


def test_the_directory_down_keeps_live_sessions_and_is_told_to_others(open_browser, jeanne, settings):
    inside, outside = open_browser(), open_browser()
    inside.open("/connexion/")
    inside.sign_in("jeanne.lefevre", PASSWORD)
    settings.LDAP_URL = settings.AUTH_LDAP_SERVER_URI = "ldaps://127.0.0.1:9"
    outside.open("/connexion/")
    outside.sign_in("jeanne.lefevre", PASSWORD)
    assert outside.status == 503
    inside.open("/compte/")
    inside.is_on("Mon compte – Cerbère")


def test_a_password_to_change(tab, jeanne, directory):
    directory.change("jeanne", mineqPasswordDoitChanger=["1"])
    tab.open("/connexion/")
    tab.sign_in("jeanne.lefevre", PASSWORD)
    tab.is_on("Mot de passe à changer – Cerbère", 403)
    check_thoroughly(tab.page, "annuaire-mot-de-passe-a-changer")


def test_a_password_that_is_changed_elsewhere(tab, jeanne):
    tab.open("/connexion/?next=/compte/mot-de-passe/")
    tab.sign_in("jeanne.lefevre", PASSWORD)
    tab.check_text("Le mot de passe de Cerbère est celui de votre messagerie : il ne se change pas ici.")
    check_thoroughly(tab.page, "annuaire-mot-de-passe-ailleurs")


def test_two_factors_due_later_are_told(tab, jeanne, directory):
    directory.change("jeanne", mineqInfoSec=["2FA.Forcee: 1", "2FA.DateButoir: 20990301083000Z"])
    tab.open("/connexion/")
    tab.sign_in("jeanne.lefevre", PASSWORD)
    tab.is_on("Mon compte – Cerbère")
    tab.check_text("Authentification à deux facteurs à activer avant le 1 mars 2099")
    check_thoroughly(tab.page, "annuaire-deux-facteurs-a-activer")


def test_two_factors_due_now_lead_into_the_activation(tab, jeanne, directory):
    directory.change("jeanne", mineqInfoSec=["2FA.Forcee: 1", "2FA.DateButoir: 20200301083000Z"])
    tab.open("/connexion/")
    tab.sign_in("jeanne.lefevre", PASSWORD)
    tab.is_on("Saisir le code – Cerbère")
    tab.check_text("L’authentification à deux facteurs est obligatoire pour votre compte.")
    tab.send_code(people.code())
    tab.is_on("Méthode activée – Cerbère")
    assert Agent.objects.get().otp_mel.confirmed
