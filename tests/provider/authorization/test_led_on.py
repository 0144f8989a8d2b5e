"""An act that leads back to a waiting request is answered with that request's own answer."""

import pytest
from django.db import OperationalError

from accounts.sign_in import known_browser
from cerbere.provider.authorization import middleware, parked_requests
from cerbere.provider.models import Grant
from tests.support import people
from tests.support.people import Browser, answer
from twofactor.strength import Strength

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(browser, piag, enrolled):
    """The login page to which PIAG's request leads."""
    return browser.follow_inside(browser.authorize())


def test_the_password_leads_to_the_code_and_the_code_to_the_application(browser, page):
    asked = browser.sign_in(page=page)
    assert asked.location.startswith("/verification/?next=/oidc/continuer/")
    done = browser.send_code(asked.location, people.code())
    assert browser.token(answer(done)["code"]).json["id_token"]


def test_what_only_a_page_tells_is_a_page_of_its_own(browser, piag, camille):
    """A refusal that answered the form would send the password again when it is loaded anew."""
    led = browser.sign_in(page=browser.follow_inside(browser.authorize()))
    assert led.location.startswith("/oidc/continuer/")
    assert browser.get(led.location, status=403).text.count("Aucune méthode")


def test_a_form_that_sends_itself_is_a_page_of_its_own(browser, piag, enrolled):
    asked = browser.sign_in(page=browser.follow_inside(browser.authorize(response_mode="form_post")))
    led = browser.send_code(browser.follow_inside(asked), people.code())
    assert led.location.startswith("/oidc/continuer/")
    assert not Grant.objects.exists()
    assert any("code" in form.fields for form in browser.get(led.location).forms.values())


def test_another_browser_s_request_is_not_led_on(browser, piag, enrolled):
    """Its `next` may be known from anywhere; the request is bound to the browser that brought it."""
    there = Browser()
    there.sign_in()
    there.send_code("/verification/", people.code())
    address = browser.authorize().location.partition("next=")[2]
    page = there.get(f"/connexion/?next={address}")
    assert there.sign_in(page=page).location.startswith("/oidc/continuer/")
    assert not Grant.objects.exists()


def test_the_cookies_of_both_answers_come_together(browser, page):
    cookies = browser.sign_in(page=page).headers.getall("Set-Cookie")
    names = {cookie.strip().partition("=")[0] for cookie in cookies}
    assert names == {"cerbere_session", "cerbere_csrf", known_browser.cookie_name()}


@pytest.mark.parametrize("step", [(parked_requests, "find"), (middleware, "lead_on")])
def test_a_fault_on_the_way_leaves_the_session_that_the_act_has_opened(browser, page, monkeypatch, step):
    def down(*_):
        raise OperationalError

    with monkeypatch.context() as during:
        during.setattr(*step, down)
        led = browser.sign_in(page=page)
    assert led.location.startswith("/oidc/continuer/")
    assert browser.get(led.location).location.startswith("/verification/")


def test_what_is_not_configured_is_told_at_the_address_that_needs_it(browser, camille, settings):
    settings.PAIRWISE_SALT = ""
    people.make_client("wiki", Strength.PASSWORD, sector="a")
    led = browser.sign_in(page=browser.follow_inside(browser.authorize("wiki")))
    assert led.location.startswith("/oidc/continuer/")
    assert "<h1>Erreur inattendue</h1>" in browser.get(led.location, status=500).text
    assert browser.get("/compte/").status_int == 200
