"""A parameter without a value is as good as omitted, at each endpoint (RFC 6749 §3.1 and §3.2)."""

import pytest

from cerbere.provider.clients.models import Client
from tests.people import AFTER_LOGOUT, CALLBACK, CLIENT_SECRET, VERIFIER, answer, authorization

pytestmark = pytest.mark.django_db
OPTIONAL = [
    "max_age", "claims", "id_token_hint", "response_mode", "request", "request_uri", "prompt", "acr_values", "display",
    "login_hint", "ui_locales", "claims_locales", "sp_name", "nonce",
]  # fmt: skip
BASIC = {"Authorization": "Basic d2lraTp0aGUtc2VjcmV0LW9mLXRoaXMtY2xpZW50LWluLXRlc3Rz"}


@pytest.fixture
def signed_in(browser, camille):
    browser.sign_in()
    return browser


@pytest.mark.parametrize("name", OPTIONAL)
def test_at_the_authorization_endpoint(signed_in, wiki, name):
    assert answer(signed_in.authorize("wiki", **{name: ""}))["code"]


@pytest.mark.parametrize("names", [["code_challenge", "code_challenge_method"], ["code_challenge_method"]])
def test_a_challenge_that_is_not_asked_for(signed_in, wiki, names):
    Client.objects.update(pkce_required=False)
    asked = {"code_challenge": None, "code_challenge_method": None} | dict.fromkeys(names, "")
    assert answer(signed_in.authorize("wiki", **asked))["code"]
    Client.objects.update(pkce_required=True)
    assert answer(signed_in.authorize("wiki", **asked))["error"] == "invalid_request"


def test_no_state_comes_back(signed_in, wiki):
    assert "state" not in answer(signed_in.authorize("wiki", state=""))


def test_twice_is_too_often_also_without_a_value(signed_in, wiki):
    address = signed_in.authorize("wiki", prompt="none").request.url
    assert signed_in.get(f"{address}&max_age=&max_age=5", expect_errors=True).status_int == 400


def test_what_is_required_is_missing(signed_in, wiki):
    assert answer(signed_in.authorize("wiki", response_type=""))["error"] == "invalid_request"
    assert signed_in.authorize("wiki", redirect_uri="").status_int == 400


def test_at_the_pushed_request(browser, wiki):
    body = authorization("wiki", max_age="", request="", request_uri="") | {"client_secret": CLIENT_SECRET}
    assert browser.post("/oidc/par", body).status_int == 201


def test_at_the_token_endpoint(signed_in, wiki):
    Client.objects.update(pkce_required=False)
    without = {"code_challenge": None, "code_challenge_method": None}
    code = answer(signed_in.authorize("wiki", **without))["code"]
    fields = {"client_assertion": "", "client_assertion_type": "", "code_verifier": ""}
    assert signed_in.token(code, "wiki", **fields).status_int == 200


def test_one_way_of_client_authentication_is_one(signed_in, wiki):
    fields = {
        "grant_type": "authorization_code", "code": answer(signed_in.authorize("wiki"))["code"],
        "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "client_secret": "", "client_id": "",
    }  # fmt: skip
    assert signed_in.post("/oidc/token", fields, headers=BASIC).status_int == 200


def test_at_the_end_of_a_session(signed_in, wiki):
    hint = signed_in.token(answer(signed_in.authorize("wiki"))["code"], "wiki").json["id_token"]
    asked = signed_in.get("/oidc/logout", {"id_token_hint": "", "post_logout_redirect_uri": ""})
    assert any(form.action == "/oidc/logout/confirmer" for form in asked.forms.values())
    left = signed_in.get("/oidc/logout", {"id_token_hint": hint, "post_logout_redirect_uri": ""})
    assert left.status_int == 303
    left = signed_in.get("/oidc/logout", {"id_token_hint": hint, "post_logout_redirect_uri": AFTER_LOGOUT, "state": ""})
    assert left.location == AFTER_LOGOUT
