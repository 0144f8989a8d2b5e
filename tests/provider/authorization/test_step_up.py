"""What a level is worth over time and between applications: S rows of the catalogue."""

import json
from datetime import timedelta

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import KeySet

from accounts.models import AgentSession
from cerbere.provider.tokens.models import Grant
from tests.support import people
from tests.support.people import NOW, Browser, answer

pytestmark = pytest.mark.django_db


def claims(browser, response, client_id="piag"):
    """Return the claims of the ID token for this authorization response."""
    token = browser.token(answer(response)["code"], client_id).json["id_token"]
    keys = KeySet.import_key_set(browser.get("/oidc/jwks").json)
    return jwt.decode(token, keys, algorithms=["RS256"]).claims


def at(minutes):
    return time_machine.travel(NOW + timedelta(minutes=minutes), tick=False)


@pytest.fixture
def two_factor(browser, enrolled):
    """Return a browser at two factors: the password at NOW and the code a minute later."""
    with at(0):
        browser.sign_in()
    with at(1):
        assert browser.send_code("/verification/", people.code()).status_int == 303
    return browser


def test_s02_the_id_token_tells_the_codes_time(two_factor, piag):
    with at(5):
        told = claims(two_factor, two_factor.authorize())
    assert (told["acr"], told["amr"]) == ("eidas2", ["pwd", "otp", "mfa"])
    assert told["auth_time"] == int((NOW + timedelta(minutes=1)).timestamp())
    assert told["iat"] == int((NOW + timedelta(minutes=5)).timestamp())


@pytest.mark.parametrize("acr_values", [None, "eidas1", "eidas0", "pwd", "eidas1 eidas2"])
def test_s05_the_clients_minimum_holds_whatever_the_browsers_address_says(browser, enrolled, piag, acr_values):
    browser.sign_in()
    response = browser.authorize(acr_values=acr_values)
    assert response.location.startswith("/verification/")


@pytest.mark.parametrize("acr_values", ["eidas2 eidas1", "gold eidas2"])
def test_s06_the_first_known_value_is_what_is_asked(browser, enrolled, wiki, acr_values):
    browser.sign_in()
    assert browser.authorize("wiki", acr_values=acr_values).location.startswith("/verification/")


def test_s07_unknown_acr_values_are_no_error_and_the_token_says_the_truth(browser, camille, wiki):
    browser.sign_in()
    assert claims(browser, browser.authorize("wiki", acr_values="gold platinum"), "wiki")["acr"] == "eidas1"


def test_s08_an_essential_acr_that_cannot_be_reached_is_an_error(two_factor, wiki):
    asked = '{"id_token":{"acr":{"essential":true,"values":["eidas3"]}}}'
    with at(5):
        given = answer(two_factor.authorize("wiki", claims=asked))
    assert given["error"] == "unmet_authentication_requirements"


def test_s08_an_essential_acr_that_can_be_reached_leads_to_it(browser, enrolled, wiki):
    asked = '{"id_token":{"acr":{"essential":true,"values":["eidas2","eidas3"]}}}'
    browser.sign_in()
    page = browser.follow_inside(browser.authorize("wiki", claims=asked))
    back = browser.follow_inside(browser.send_code(page, people.code()))
    assert claims(browser, back, "wiki")["acr"] == "eidas2"


def test_s09_a_level_asked_by_a_client_of_minimum_one_leads_to_the_enrolment(browser, camille, wiki):
    browser.sign_in()
    assert browser.follow_inside(browser.authorize("wiki", acr_values="eidas2")).status_int == 403
    assert answer(browser.authorize("wiki", acr_values="eidas2", prompt="none"))["error"] == "interaction_required"


def test_s10_a_step_up_for_one_application_shows_in_the_others_next_token(browser, enrolled, wiki, piag):
    with at(0):
        browser.sign_in()
        before = claims(browser, browser.authorize("wiki"), "wiki")
    with at(2):
        page = browser.follow_inside(browser.authorize("piag"))
        there = claims(browser, browser.follow_inside(browser.send_code(page, people.code())))
        after = claims(browser, browser.authorize("wiki"), "wiki")
    assert [told["acr"] for told in (before, there, after)] == ["eidas1", "eidas2", "eidas2"]
    assert before["auth_time"] + 120 == there["auth_time"] == after["auth_time"]


def test_s11_an_old_second_factor_falls_and_only_the_code_is_asked(two_factor, wiki, piag, settings):
    settings.SECOND_FACTOR_MAX_AGE = timedelta(minutes=30)
    with at(32):
        assert claims(two_factor, two_factor.authorize("wiki"), "wiki")["acr"] == "eidas1"
        page = two_factor.authorize("piag")
        assert page.location.startswith("/verification/")
        back = two_factor.follow_inside(two_factor.send_code(two_factor.follow_inside(page), people.code()))
        assert claims(two_factor, back)["acr"] == "eidas2"


def test_s13_prompt_login_stands_even_if_another_tab_is_served_meanwhile(two_factor, piag):
    with at(5):
        first = two_factor.authorize(prompt="login")
        assert first.location.startswith("/connexion/")
        assert answer(two_factor.authorize())["code"]
        resume = people.login_form(two_factor.follow_inside(first))["next"].value
        assert two_factor.get(resume).location.startswith("/connexion/")


def test_prompt_login_asks_for_password_and_code_again(two_factor, piag):
    with at(5):
        login = two_factor.follow_inside(two_factor.authorize(prompt="login"))
    with at(6):
        page = two_factor.follow_inside(two_factor.sign_in(page=login))
        assert "Saisir le code" in page.text
        told = claims(two_factor, two_factor.follow_inside(two_factor.send_code(page, people.code())))
    assert told["auth_time"] == int((NOW + timedelta(minutes=6)).timestamp())


def test_max_age_asks_again_what_is_older(two_factor, piag):
    with at(5):
        assert answer(two_factor.authorize(max_age="600"))["code"]
        assert answer(two_factor.authorize(max_age="60", prompt="none"))["error"] == "login_required"
        assert two_factor.authorize(max_age="60").location.startswith("/connexion/")


def test_max_age_counts_to_the_answer_not_to_the_question(browser, enrolled, wiki):
    """A request that waits for the code does not keep an old password young."""
    with at(0):
        browser.sign_in()
    with at(0.5):
        page = browser.follow_inside(browser.authorize("wiki", acr_values="eidas2", max_age="60"))
    with at(14):
        back = browser.send_code(page, people.code())
        assert browser.follow_inside(back).request.path == "/connexion/"


def test_s14_removing_the_method_kills_the_tokens_that_rest_on_it(two_factor, enrolled, piag):
    with at(5):
        token = two_factor.token(answer(two_factor.authorize())["code"]).json["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert two_factor.get("/oidc/userinfo", headers=bearer).status_int == 200
        enrolled.otp_mel.remove()
        assert two_factor.get("/oidc/userinfo", headers=bearer, expect_errors=True).status_int == 401


def test_s16_a_login_in_a_second_browser_leaves_the_first_session_as_it_is(two_factor, wiki):
    with at(30):
        Browser().sign_in()
    with at(31):
        told = claims(two_factor, two_factor.authorize("wiki"), "wiki")
    assert told["auth_time"] == int((NOW + timedelta(minutes=1)).timestamp())
    assert told["acr"] == "eidas2"


def test_id_token_hint_of_the_same_agent_is_served_silently(two_factor, piag):
    with at(5):
        hint = two_factor.token(answer(two_factor.authorize())["code"]).json["id_token"]
        assert answer(two_factor.authorize(id_token_hint=hint, prompt="none"))["code"]


def test_id_token_hint_of_somebody_else_asks_for_that_agent(two_factor, piag, wiki, dominique):
    with at(5):
        hint = two_factor.token(answer(two_factor.authorize("wiki"))["code"], "wiki").json["id_token"]
    other = Browser()
    with at(5):
        other.sign_in("dominique.morel")
    with at(6):
        assert answer(other.authorize("wiki", id_token_hint=hint, prompt="none"))["error"] == "login_required"
        login = other.follow_inside(other.authorize("wiki", id_token_hint=hint))
    with at(7):
        back = other.follow_inside(other.sign_in("dominique.morel", page=login))
    assert answer(back)["error"] == "login_required"


def test_a_subject_asked_for_by_claims_is_the_only_one_granted(browser, camille, dominique, wiki):
    browser.sign_in()
    for agent, expected in ((camille, "code"), (dominique, "error")):
        asked = json.dumps({"id_token": {"sub": {"value": str(agent.uuid)}}})
        assert expected in answer(browser.authorize("wiki", claims=asked, prompt="none"))


def test_a_session_key_that_rotates_keeps_the_sid(browser, enrolled, wiki, piag):
    browser.sign_in()
    sid = claims(browser, browser.authorize("wiki"), "wiki")["sid"]
    key = browser.cookies["cerbere_session"]
    browser.send_code("/verification/", people.code())
    assert browser.cookies["cerbere_session"] != key
    assert claims(browser, browser.authorize("piag"))["sid"] == sid == str(AgentSession.objects.get().sid)
    assert Grant.objects.count() == 2
