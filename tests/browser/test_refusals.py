"""What an agent reads when a password or a code is not accepted, and how the way goes on."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.attempts import ACCOUNT_LIMIT
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support import people
from twofactor.codes import get_step
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.throttle import FREE_TRIES

pytestmark = pytest.mark.browser

WRONG_PAIR = "L’identifiant ou le mot de passe est incorrect."
REFUSED = (
    "Code incorrect ou déjà utilisé. Attendez le code suivant, "
    "et vérifiez que l’heure de votre téléphone est réglée automatiquement."
)


def test_05_wrong_passwords_then_a_wait(tab, piag_site, camille):
    tab.open(f"{piag_site}/assistant/")
    for _ in range(ACCOUNT_LIMIT.free_tries):
        tab.sign_in(password="not this one")
        tab.is_on("Erreur – Connexion – Cerbère")
        tab.check_text(WRONG_PAIR)
        expect(tab.page.locator("#erreurs")).to_be_focused()
    tab.sign_in()
    tab.is_on("Erreur – Connexion – Cerbère", 429)
    expect(tab.page.locator("#erreurs")).to_contain_text("Trop d’essais. Réessayez à ")


def test_05_after_a_wrong_password_the_right_one_goes_on_to_the_service(tab, piag_site, camille):
    tab.open(f"{piag_site}/assistant/")
    tab.sign_in(password="not this one")
    expect(tab.page.locator("#id_username")).to_have_value("camille.durand")
    expect(tab.page.locator("#id_password")).to_have_value("")
    tab.sign_in()
    tab.is_on("Accès interdit – PIAG – Cerbère", 403)


def test_05_the_links_of_the_summary_lead_to_the_fields(tab, camille):
    tab.open("/connexion/")
    tab.press("Connexion")
    tab.is_on("Erreur – Connexion – Cerbère")
    tab.page.get_by_role("link", name="Mot de passe : Ce champ est obligatoire.").click()
    expect(tab.page.locator("#id_password")).to_be_focused()


@pytest.fixture
def code_page(tab, piag_site, enrolled):
    """Open the page that asks an agent with a method for a code on the way to PIAG."""
    tab.open(f"{piag_site}/assistant/")
    tab.sign_in()
    tab.is_on("Saisir le code – Cerbère")
    return tab


def refused(tab, sentence):
    """Check that the error is next to the field, which has the focus and announces both hint and error."""
    tab.is_on("Erreur – Saisir le code – Cerbère")
    field = tab.page.get_by_label("Code à 6 chiffres")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    expect(field).to_have_attribute("aria-invalid", "true")
    hint = "Exemple : 123456 ; il change toutes les 30 secondes."
    expect(field).to_have_accessible_description(re.compile(re.escape(f"{hint} {sentence}")))


@pytest.mark.parametrize(
    ("typed", "sentence"), [("", "Saisissez le code à 6 chiffres."), ("12345", "Le code doit comporter 6 chiffres.")]
)
def test_06_not_a_code(code_page, typed, sentence):
    code_page.send_code(typed)
    refused(code_page, sentence)
    assert OtpMelDevice.objects.get().failures == 0


@pytest.mark.parametrize("which", ["wrong", "replayed", "clock drift"])
def test_06_a_refused_code_then_the_good_one(code_page, which):
    code = people.code()
    if which == "replayed":
        OtpMelDevice.objects.update(last_step=get_step(timezone.now()))
    given = {"wrong": people.wrong_code(), "replayed": code, "clock drift": people.code(steps=-6)}
    code_page.send_code(given[which])
    refused(code_page, REFUSED)
    code_page.send_code(people.code(steps=1))
    code_page.is_on("Assistant – PIAG")


def test_06_pasted_with_spaces(code_page):
    code = people.code()
    code_page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code_page.page.evaluate("text => navigator.clipboard.writeText(text)", f" {code[:3]} {code[3:]}\n")
    code_page.page.keyboard.press("Control+V")
    expect(code_page.page.get_by_label("Code à 6 chiffres")).to_have_value(code)
    code_page.press("Valider")
    code_page.is_on("Assistant – PIAG")


def test_06_too_many_wrong_codes_then_a_wait(code_page):
    for _ in range(FREE_TRIES):
        code_page.send_code(people.wrong_code())
        refused(code_page, REFUSED)
    code_page.send_code(people.code())
    code_page.is_on("Erreur – Saisir le code – Cerbère", 429)
    expect(code_page.page.locator("#erreurs")).to_be_focused()
    expect(code_page.page.locator("#erreurs")).to_contain_text("Trop d’essais. Réessayez à ")


def test_t19_a_double_click_sends_the_code_once(code_page):
    code_page.fill_in("Code à 6 chiffres", people.code())
    with code_page.page.expect_navigation():
        code_page.page.get_by_role("button", name="Valider").dblclick()
    code_page.is_on("Assistant – PIAG")
    assert [request.method for request in code_page.requests if "/verification/" in request.url].count("POST") == 1
    assert not AuditEvent.objects.filter(name=Event.SECOND_FACTOR_REFUSED).exists()


def test_a_lost_phone_is_one_link_away_with_a_reference(code_page):
    code_page.follow("Je n’ai plus mon téléphone")
    code_page.is_on("Je n’ai plus mon téléphone – Cerbère")
    code_page.check_text("Contactez l’assistance de votre service avec cette référence : ")
