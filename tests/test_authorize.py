"""The authorization endpoint: what applications and attackers send, what comes back."""

import json
import socket
from urllib.parse import urlencode

import pytest

from cerbere.audit.models import AuditEvent
from cerbere.provider.authorization.models import ParkedRequest
from cerbere.provider.clients.models import Client
from cerbere.provider.tokens.models import Grant
from tests import people
from tests.people import CALLBACK, Browser, answer, authorization

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(browser, camille):
    browser.sign_in()
    return browser


def refused_on_a_page(response, status=400):
    assert response.status_int == status
    assert "Location" not in response.headers
    assert not Grant.objects.exists()
    return response


@pytest.mark.parametrize("response_type", [None, "token", "id_token", "code token", "code id_token", "none"])
def test_o02_only_the_code_flow_exists(signed_in, wiki, response_type):
    given = answer(signed_in.authorize("wiki", response_type=response_type))
    assert given["error"] == ("invalid_request" if response_type is None else "unsupported_response_type")
    assert (given["state"], given["iss"], "code" in given) == ("a-state", "http://localhost:8000", False)


HOSTILE_URIS = [
    CALLBACK + "?", CALLBACK + "#x", CALLBACK.rstrip("/"), CALLBACK + "x", CALLBACK + "../",
    CALLBACK.replace("https", "http"), CALLBACK.replace("piag", "PIAG"), CALLBACK.replace(".fr/", ".fr:443/"),
    CALLBACK.replace("piag.example.fr", "piag.example.fr.evil.test"), CALLBACK.replace("https://", "https://a@"),
    CALLBACK + "%2f", CALLBACK + "?next=x", "//evil.test", "javascript:alert(1)", "", "https://evil.test/",
    " " + CALLBACK,
]  # fmt: skip


@pytest.mark.parametrize("redirect_uri", HOSTILE_URIS)
@pytest.mark.parametrize("extra", [{}, {"prompt": "none"}, {"response_type": "token"}])
def test_o03_o04_a_redirect_uri_that_is_not_registered_exactly_never_redirects(signed_in, wiki, redirect_uri, extra):
    refused_on_a_page(signed_in.authorize("wiki", redirect_uri=redirect_uri, **extra))


@pytest.mark.parametrize("registered", [[CALLBACK], [CALLBACK, "https://other.example.fr/"]])
def test_o05_redirect_uri_is_required(signed_in, wiki, registered):
    Client.objects.update(redirect_uris=registered)
    refused_on_a_page(signed_in.authorize("wiki", redirect_uri=None))


def test_a_registered_query_is_kept_and_compared(signed_in, db):
    people.make_client("bnum", 1, redirect_uris=[CALLBACK + "?oidc=1"])
    response = signed_in.authorize("bnum", redirect_uri=CALLBACK + "?oidc=1")
    assert response.location.startswith(CALLBACK + "?oidc=1&")
    assert answer(response)["code"]


def test_o06_an_unknown_client_is_an_escaped_page(browser, wiki):
    page = refused_on_a_page(browser.authorize("<script>alert(1)</script>"))
    assert "<script>alert(1)" not in page.text
    assert "Référence" in page.text


def test_o06_a_disabled_client_is_unknown(signed_in, wiki):
    Client.objects.update(enabled=False)
    refused_on_a_page(signed_in.authorize("wiki"))


ODD = "aé漢😀 +&=%25\"'<>;/?#\t~"


@pytest.mark.parametrize("value", [ODD, "x" * 2048])
def test_o07_state_and_nonce_come_back_to_the_byte(signed_in, wiki, value):
    given = answer(signed_in.authorize("wiki", state=value, nonce=value))
    assert given["state"] == value
    assert Grant.objects.get().nonce == value


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "acr_values", "state", "prompt", "anything"])
def test_o09_a_parameter_given_twice_is_refused_on_a_page(signed_in, wiki, name):
    query = [*authorization("wiki", acr_values="eidas1", prompt="consent", anything="1").items(), (name, "again")]
    refused_on_a_page(signed_in.get(f"/oidc/authorize?{urlencode(query)}", expect_errors=True))


def test_o09_null_characters_and_endless_requests_are_refused_on_a_page(signed_in, wiki):
    refused_on_a_page(signed_in.authorize("wiki\0"))
    refused_on_a_page(signed_in.authorize("wiki", login_hint="x" * 20_000))


def test_o10_a_request_by_post_is_taken_up_again_by_get(signed_in, wiki):
    response = signed_in.post("/oidc/authorize", authorization("wiki", unknown="x", ui_locales="de"))
    assert answer(signed_in.follow_inside(response))["code"]


def test_o10_a_request_posted_by_another_site_finds_the_session(camille, wiki):
    """The browser keeps the session cookie from a cross-site POST, and sends it with the redirect's GET."""
    browser = Browser()
    browser.sign_in()
    response = Browser().post("/oidc/authorize", authorization("wiki"))
    assert answer(browser.get(response.location))["code"]


def test_o10_a_post_of_another_site_leaves_the_other_tabs_requests_alone(browser, camille, wiki):
    """Such a POST comes without our cookies; its answer must not replace them."""
    browser.authorize("wiki")
    waiting = browser.cookies["cerbere_demande"]
    response = Browser().post("/oidc/authorize", authorization("wiki"))
    assert "Set-Cookie" not in response.headers
    assert response.location.startswith("/oidc/authorize?")
    assert browser.cookies["cerbere_demande"] == waiting


def test_a_post_too_long_for_an_address_is_refused_on_a_page(browser, wiki):
    refused_on_a_page(browser.post("/oidc/authorize", authorization("wiki", state="é" * 3000), expect_errors=True))


def test_o10_an_unknown_language_falls_back_to_french(browser, wiki):
    assert 'lang="fr"' in browser.follow_inside(browser.authorize("wiki", ui_locales="de")).text


def test_ui_locales_speaks_english_unless_the_agent_has_chosen(browser, wiki):
    assert 'lang="en"' in browser.follow_inside(browser.authorize("wiki", ui_locales="de en-GB")).text
    french = Browser()
    french.set_cookie("cerbere_langue", "fr")
    assert 'lang="fr"' in french.follow_inside(french.authorize("wiki", ui_locales="en")).text


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_o12_request_objects_are_refused_and_never_fetched(signed_in, wiki, name):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        given = answer(signed_in.authorize("wiki", **{name: uri}))
        assert given["error"] == f"{name}_not_supported"
        with pytest.raises(TimeoutError):
            listener.accept()


def test_o13_the_response_names_its_issuer_and_is_not_kept(signed_in, wiki):
    response = signed_in.authorize("wiki")
    assert response.status_int in (302, 303)
    assert answer(response)["iss"] == "http://localhost:8000"
    assert "no-store" in response.headers["Cache-Control"]


def test_o14_no_page_of_the_journey_can_be_framed(browser, enrolled, piag):
    login = browser.follow_inside(browser.authorize())
    code_page = browser.follow_inside(browser.sign_in(page=login))
    for page in (login, code_page):
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("parameter", "value", "error"),
    [
        ("scope", None, "invalid_scope"),
        ("scope", "profile", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("max_age", "١", "invalid_request"),
        ("max_age", "1e3", "invalid_request"),
        ("claims", "{", "invalid_request"),
        ("claims", "[]", "invalid_request"),
        ("claims", '{"id_token":[1]}', "invalid_request"),
        ("claims", '{"id_token":{"acr":{"values":[1]}}}', "invalid_request"),
        ("claims", '{"id_token":{"acr":"x"}}', "invalid_request"),
        ("claims", '{"id_token":{"acr":{"values":[],"value":{}}}}', "invalid_request"),
        ("claims", '{"userinfo":{"name":NaN}}', "invalid_request"),
        ("claims", '{"userinfo":{"name":1e999}}', "invalid_request"),
        ("claims", '{"userinfo":{"a\\u0000b":null}}', "invalid_request"),
        ("claims", '{"userinfo":{"\\ud800":null}}', "invalid_request"),
        ("claims", "[" * 1000, "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("state", "x" * 5000, "invalid_request"),
        ("id_token_hint", "not.a.token", "invalid_request"),
    ],
)
def test_a_faulty_parameter_is_an_error_for_the_application(signed_in, wiki, parameter, value, error):
    given = answer(signed_in.authorize("wiki", **{parameter: value}))
    assert given["error"] == error
    assert "code" not in given


def test_pkce_is_optional_for_a_client_registered_so(signed_in, wiki):
    Client.objects.update(pkce_required=False)
    asked = {"code_challenge": None, "code_challenge_method": None}
    assert answer(signed_in.authorize("wiki", **asked))["code"]
    assert answer(signed_in.authorize("wiki", code_challenge_method=None))["error"] == "invalid_request"


def test_unknown_scopes_are_ignored(signed_in, wiki):
    assert answer(signed_in.authorize("wiki", scope="openid siren is_public"))["code"]


def test_e01_a_password_is_refused_by_a_client_of_two_factors(signed_in, piag):
    refusal = signed_in.follow_inside(signed_in.authorize())
    assert refusal.status_int == 403
    assert "Accès interdit – PIAG" in refusal.text
    assert not Grant.objects.exists()
    event = AuditEvent.objects.get(name="access:refused")
    assert (event.agent, event.client_id) == ("camille.durand", "piag")
    assert f"{event.request_id[:4]}-{event.request_id[4:8]}".upper() in refusal.text


def test_the_refusals_main_button_opens_the_enrolment_and_comes_back(signed_in, piag):
    refusal = signed_in.follow_inside(signed_in.authorize())
    page = refusal.click("Activer OTP Mél et continuer vers PIAG")
    success = signed_in.follow_inside(signed_in.send_code(page, people.code()))
    assert answer(signed_in.follow_inside(success.click("Continuer vers PIAG")))["code"]


def test_another_account_can_be_chosen_from_the_refusal(signed_in, piag, dominique):
    people.activate_otp_mel(dominique, people.DOMINIQUE_SECRET)
    refusal = signed_in.follow_inside(signed_in.authorize())
    leaving = refusal.click("Changer de compte")
    confirm = next(form for form in leaving.forms.values() if form.action == "/deconnexion/" and "next" in form.fields)
    login = signed_in.follow_inside(confirm.submit())
    code_page = signed_in.follow_inside(signed_in.sign_in("dominique.morel", page=login))
    back = signed_in.follow_inside(signed_in.send_code(code_page, people.code(people.DOMINIQUE_SECRET)))
    assert answer(back)["code"]
    assert Grant.objects.get().agent.uid == "dominique.morel"


def test_prompt_none_answers_the_application_whatever_happens(browser, camille, wiki, piag):
    assert answer(browser.authorize("wiki", prompt="none"))["error"] == "login_required"
    browser.sign_in()
    assert answer(browser.authorize("wiki", prompt="none"))["code"]
    assert answer(browser.authorize("piag", prompt="none"))["error"] == "interaction_required"
    assert not ParkedRequest.objects.exists()


def test_login_hint_prefills_the_login_page(browser, wiki):
    page = browser.follow_inside(browser.authorize("wiki", login_hint="camille.durand"))
    assert people.login_form(page)["username"].value == "camille.durand"


def test_h07_script_in_login_hint_and_state_is_escaped(browser, wiki):
    page = browser.follow_inside(browser.authorize("wiki", login_hint="<script>x</script>{{7*7}}", state="<script>"))
    assert "<script>x" not in page.text
    assert people.login_form(page)["username"].value == "<script>x</script>{{7*7}}"


def test_form_action_names_the_origin_of_the_pending_application_only(browser, camille, wiki):
    waiting = browser.follow_inside(browser.authorize("wiki"))
    assert "form-action 'self' https://piag.example.fr;" in waiting.headers["Content-Security-Policy"] + ";"
    other = Browser().get("/connexion/")
    assert "form-action 'self';" in other.headers["Content-Security-Policy"] + ";"


@pytest.mark.parametrize(
    "path", ["/oidc/authorize", "/oidc/logout", "/oidc/continuer/7f3a21c9-0000-4000-8000-000000000000/"]
)
def test_head_which_must_change_nothing_is_not_a_way_to_these(browser, path):
    assert browser.head(path, expect_errors=True).status_int == 405


def test_claims_of_the_request_reach_the_grant(signed_in, wiki):
    claims = {"id_token": {"acr": {"essential": True, "values": ["eidas1"]}}, "userinfo": {"siret": None}}
    assert answer(signed_in.authorize("wiki", claims=json.dumps(claims)))["code"]
    assert Grant.objects.get().claims["userinfo"] == {"siret": None}
