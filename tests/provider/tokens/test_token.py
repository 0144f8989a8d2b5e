"""The token endpoint: a code gives its tokens once, to its own client, while what it stands for is true."""

import base64
import hashlib
import json
from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.db import connection
from django.test import Client as RawClient
from joserfc import jwt
from joserfc.jwk import KeySet

from accounts.models import AgentSession
from cerbere.audit.models import AuditEvent
from cerbere.provider.clients import assertion
from cerbere.provider.clients.models import Client
from cerbere.provider.pkce import is_valid_verifier
from cerbere.provider.tokens.models import Grant
from tests.support import people
from tests.support.at_once import run_at_once
from tests.support.people import CALLBACK, CLIENT_SECRET, NOW, VERIFIER, Browser, answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(two_factor_browser):
    return two_factor_browser


@pytest.fixture
def code(signed_in, piag):
    return answer(signed_in.authorize())["code"]


def basic(client_id="piag", secret=CLIENT_SECRET):
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def by_basic(browser, code, headers=None, **fields):
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return browser.post("/oidc/token", body | fields, headers=headers or basic(), expect_errors=True)


def refused(response, error, status=400):
    assert response.status_int == status, response.text
    assert response.json["error"] == error
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_k01_both_ways_of_authentication_give_a_signed_id_token(signed_in, piag, alg):
    Client.objects.update(id_token_alg=alg)
    keys = KeySet.import_key_set(signed_in.get("/oidc/jwks").json)
    for redeem in (lambda code: by_basic(signed_in, code), signed_in.token):
        response = redeem(answer(signed_in.authorize())["code"])
        assert "no-store" in response.headers["Cache-Control"]
        token = jwt.decode(response.json["id_token"], keys, algorithms=[alg])
        assert token.header["kid"] in {key.kid for key in keys.keys}
        assert (token.claims["aud"], token.claims["exp"] - token.claims["iat"]) == ("piag", 600)
        assert (response.json["token_type"], response.json["expires_in"]) == ("Bearer", 600)


def test_at_hash_is_the_left_half_of_the_access_tokens_hash(signed_in, code):
    """Computed here by another library than the product's."""
    from hashlib import sha256

    body = signed_in.token(code).json
    half = base64.urlsafe_b64encode(sha256(body["access_token"].encode()).digest()[:16]).decode().rstrip("=")
    keys = KeySet.import_key_set(signed_in.get("/oidc/jwks").json)
    assert jwt.decode(body["id_token"], keys).claims["at_hash"] == half


def test_k02_a_second_use_is_refused_and_revokes_what_the_first_gave(signed_in, code):
    token = signed_in.token(code).json["access_token"]
    refused(signed_in.token(code), "invalid_grant")
    response = signed_in.get("/oidc/userinfo", headers={"Authorization": f"Bearer {token}"}, expect_errors=True)
    assert response.status_int == 401
    assert AuditEvent.objects.filter(name="code:replayed", agent="camille.durand", client_id="piag").exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_k03_sixteen_parallel_uses_give_exactly_one_token(signed_in, code):
    def use(_):
        return Browser().token(code).status_int

    assert sorted(run_at_once(use, range(16))) == [200] + [400] * 15


@pytest.mark.parametrize(
    "fields",
    [
        {"redirect_uri": CALLBACK + "x"},
        {"redirect_uri": None},
        {"code_verifier": VERIFIER + "x"},
        {"code_verifier": None},
        {"code_verifier": "short"},
    ],
)
def test_k06_what_the_code_is_bound_to_must_be_presented(signed_in, code, fields):
    refused(signed_in.token(code, **fields), "invalid_grant")
    assert signed_in.token(code).status_int == 200


def test_an_unknown_code_is_an_invalid_grant(browser, piag):
    refused(browser.token("unknown"), "invalid_grant")


def test_k06_a_code_lives_sixty_seconds(signed_in, piag):
    with time_machine.travel(NOW, tick=False):
        signed_in.sign_in()
        signed_in.send_code("/verification/", people.code())
        code, other = (answer(signed_in.authorize())["code"] for _ in range(2))
    with time_machine.travel(NOW + timedelta(seconds=59), tick=False):
        assert signed_in.token(code).status_int == 200
    with time_machine.travel(NOW + timedelta(seconds=60), tick=False):
        refused(signed_in.token(other), "invalid_grant")


def test_a_code_of_another_client_is_not_accepted(signed_in, code, wiki):
    refused(signed_in.token(code, "wiki"), "invalid_grant")


def test_a_verifier_without_a_challenge_is_an_error(signed_in, piag):
    Client.objects.update(pkce_required=False)
    code = answer(signed_in.authorize(code_challenge=None, code_challenge_method=None))["code"]
    refused(signed_in.token(code), "invalid_grant")
    assert signed_in.token(code, code_verifier=None).status_int == 200


@pytest.mark.parametrize(("length", "fits"), [(42, False), (43, True), (128, True), (129, False)])
def test_a_verifier_has_43_to_128_characters(length, fits):
    assert is_valid_verifier(people.challenge("a" * length), "a" * length) is fits


def test_rfc_7636_appendix_b():
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert is_valid_verifier("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", verifier)
    assert not is_valid_verifier("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN", verifier)


class TestK07ClientAuthentication:
    def test_a_wrong_secret(self, signed_in, code):
        response = by_basic(signed_in, code, basic(secret="wrong"))
        refused(response, "invalid_client", 401)
        assert response.headers["WWW-Authenticate"].startswith("Basic ")

    def test_no_authentication(self, signed_in, code):
        refused(signed_in.token(code, client_secret=None), "invalid_client", 401)

    def test_both_ways_at_once(self, signed_in, code):
        refused(by_basic(signed_in, code, client_id="piag", client_secret=CLIENT_SECRET), "invalid_request")

    def test_another_client_id_in_the_body(self, signed_in, code):
        refused(by_basic(signed_in, code, client_id="wiki"), "invalid_request")

    @pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic YQ==", "Bearer x", "Basic /w==", "Basic YQA6Yg=="])
    def test_an_unreadable_header(self, signed_in, code, header):
        refused(by_basic(signed_in, code, {"Authorization": header}), "invalid_client", 401)

    def test_a_disabled_client(self, signed_in, code):
        Client.objects.update(enabled=False)
        refused(signed_in.token(code), "invalid_client", 401)

    def test_the_scheme_may_be_in_small_letters_and_the_secret_encoded(self, browser, piag):
        """RFC 9110 §11.1, RFC 6749 §2.3.1."""
        Client.objects.update(secret_digest=hashlib.sha256(b"a+b %").hexdigest())
        both = base64.b64encode(b"piag:a%2Bb+%25").decode()
        for scheme, error in (("basic", "invalid_grant"), ("Bearer", "invalid_client")):
            fields = {"grant_type": "authorization_code", "code": "x"}
            header = {"Authorization": f"{scheme} {both}"}
            assert browser.post("/oidc/token", fields, header, expect_errors=True).json["error"] == error

    def test_get_is_not_a_way(self, browser):
        assert browser.get("/oidc/token", expect_errors=True).status_int == 405

    def test_many_failures_are_told_to_wait(self, browser, piag):
        last = [browser.token("x", client_secret="wrong") for _ in range(31)][-1]
        refused(last, "invalid_client", 429)
        assert 0 < int(last.headers["Retry-After"]) <= 60
        assert browser.token("x").json["error"] == "invalid_grant"


@pytest.mark.parametrize("grant_type", ["password", "client_credentials", "implicit"])
def test_k09_no_other_grant_exists(signed_in, code, grant_type):
    refused(signed_in.token(code, grant_type=grant_type), "unsupported_grant_type")


def test_the_scope_of_an_answer_is_what_means_something_here(signed_in, wiki):
    """Whoever lets it decide must not be told what nobody has granted (RFC 6749 §3.3)."""
    asked = "openid email admin api:write email offline_access siret"
    told = signed_in.token(answer(signed_in.authorize("wiki", scope=asked))["code"], "wiki").json
    assert told["scope"] == "openid email siret"
    Client.objects.filter(client_id="wiki").update(claims=["siret", "name"])
    told = signed_in.token(answer(signed_in.authorize("wiki", scope="openid profile email siret"))["code"], "wiki").json
    assert told["scope"] == "openid profile siret"


def test_a_body_that_is_too_long_is_told_in_json(browser, piag):
    refused(browser.post("/oidc/token", {"code": "x" * 3_000_000}, expect_errors=True), "invalid_request")


@pytest.mark.parametrize("name", ["grant_type", "code"])
def test_a_missing_parameter_is_an_invalid_request(signed_in, code, name):
    refused(signed_in.token(code, **{name: None}) if name != "code" else signed_in.post(
        "/oidc/token", {"grant_type": "authorization_code", "client_id": "piag", "client_secret": CLIENT_SECRET},
        expect_errors=True), "invalid_request")  # fmt: skip


def test_a_parameter_given_twice_is_an_invalid_request(signed_in, code):
    twice = f"grant_type=authorization_code&grant_type=authorization_code&code={code}"
    response = RawClient().post("/oidc/token", twice, content_type="application/x-www-form-urlencoded")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


class TestK10BetweenCodeAndToken:
    def dead(self, browser, code):
        refused(browser.token(code), "invalid_grant")
        assert AuditEvent.objects.filter(name="token:refused", agent="camille.durand").exists()

    def test_the_agent_is_disabled(self, signed_in, code, enrolled):
        type(enrolled).objects.update(is_active=False)
        self.dead(signed_in, code)

    def test_the_method_is_removed(self, signed_in, code, enrolled):
        enrolled.otp_mel.remove()
        self.dead(signed_in, code)

    def test_the_method_is_removed_and_added_again(self, signed_in, code, enrolled):
        enrolled.otp_mel.delete()
        people.activate_otp_mel(enrolled)
        self.dead(signed_in, code)

    def test_the_session_ends(self, signed_in, code):
        AgentSession.objects.all().delete()
        self.dead(signed_in, code)

    def test_the_agent_signs_out(self, signed_in, code):
        account = signed_in.get("/compte/")
        next(form for form in account.forms.values() if form.action == "/deconnexion/").submit()
        self.dead(signed_in, code)

    def test_the_minimum_is_raised(self, signed_in, enrolled, wiki):
        type(enrolled.otp_mel).objects.update(confirmed=False)
        browser = Browser()
        browser.sign_in()
        code = answer(browser.authorize("wiki"))["code"]
        Client.objects.update(minimum=2)
        refused(browser.token(code, "wiki"), "invalid_grant")


def test_k11_only_digests_are_in_the_database(signed_in, code):
    token = signed_in.token(code).json["access_token"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM provider_grant")
        stored = str(cursor.fetchall())
        cursor.execute("SELECT * FROM provider_client")
        stored += str(cursor.fetchall())
    assert Grant.objects.get().redeemed_at is not None
    for secret in (code, token, CLIENT_SECRET):
        assert secret not in stored


@pytest.mark.parametrize("client_id", ["piag%00", "%00"])
def test_a_null_character_in_the_name_of_a_client_is_no_fault_of_ours(browser, client_id):
    pair = base64.b64encode(f"{client_id}:secret".encode()).decode()
    refused(by_basic(browser, "c", {"Authorization": f"Basic {pair}"}), "invalid_client", 401)


@pytest.mark.parametrize("sub", ["piag\0", "\ud800", "é", "a" * 101])
def test_an_assertion_of_a_client_that_cannot_be_is_no_fault_of_ours(browser, sub):
    told = base64.urlsafe_b64encode(json.dumps({"sub": sub}).encode()).decode().rstrip("=")
    header = base64.urlsafe_b64encode(b'{"alg":"RS256"}').decode().rstrip("=")
    fields = {"client_assertion": f"{header}.{told}.c2ln", "client_assertion_type": assertion.TYPE}
    refused(browser.post("/oidc/token", fields, expect_errors=True), "invalid_client", 401)
