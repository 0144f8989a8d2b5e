"""PAR, form_post, private_key_jwt, pairwise subjects, signed userinfo: what a client may be registered for."""

import secrets
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from cerbere.provider.authorization.models import PushedRequest
from cerbere.provider.clients.models import Client, UsedAssertion
from tests import people
from tests.people import CALLBACK, CLIENT_SECRET, NOW, VERIFIER, answer, authorization

pytestmark = pytest.mark.django_db
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def signed_in(browser, camille):
    browser.sign_in()
    return browser


class TestPushedRequests:
    def push(self, browser, **parameters):
        body = authorization("wiki", **parameters) | {"client_secret": CLIENT_SECRET}
        return browser.post("/oidc/par", body, expect_errors=True)

    def open(self, browser, request_uri, **parameters):
        query = {"client_id": "wiki", "request_uri": request_uri} | parameters
        return browser.get(f"/oidc/authorize?{urlencode(query)}", expect_errors=True)

    def test_a_pushed_request_is_named_once(self, signed_in, wiki):
        pushed = self.push(signed_in, state="pushed")
        assert (pushed.status_int, pushed.json["expires_in"]) == (201, 60)
        given = answer(self.open(signed_in, pushed.json["request_uri"], state="of the browser", scope="x"))
        assert (given["state"], "code" in given) == ("pushed", True)
        assert self.open(signed_in, pushed.json["request_uri"]).status_int == 400

    def test_it_lives_a_minute(self, browser, wiki):
        with time_machine.travel(NOW, tick=False):
            uri = self.push(browser).json["request_uri"]
        with time_machine.travel(NOW + timedelta(seconds=60), tick=False):
            assert self.open(browser, uri).status_int == 400

    def test_another_client_cannot_name_it(self, signed_in, wiki, piag):
        uri = self.push(signed_in).json["request_uri"]
        assert self.open(signed_in, uri, client_id="piag").status_int == 400
        assert answer(self.open(signed_in, uri))["code"]

    @pytest.mark.parametrize(
        "fault",
        [{"redirect_uri": "https://evil.test/"}, {"scope": "x"}, {"request_uri": "urn:x"}, {"client_secret": "x"}],
    )
    def test_a_fault_is_told_at_once(self, browser, wiki, fault):
        body = authorization("wiki") | {"client_secret": CLIENT_SECRET} | fault
        assert browser.post("/oidc/par", body, expect_errors=True).status_int in (400, 401)

    def test_the_clients_secret_is_not_kept(self, browser, wiki):
        self.push(browser)
        assert CLIENT_SECRET not in str(list(PushedRequest.objects.values()))


class TestFormPost:
    def test_the_answer_is_a_form_that_posts_itself(self, signed_in, wiki):
        page = signed_in.authorize("wiki", response_mode="form_post", state="<b>")
        form = page.forms["cerbere-retour"]
        assert (form.action, form.method) == (CALLBACK, "post")
        assert form["code"].value
        assert (form["state"].value, form["iss"].value) == ("<b>", "http://localhost:8000")
        assert "form-action 'self' https://piag.example.fr" in page.headers["Content-Security-Policy"]
        assert "form_post" in page.text
        assert "<script>" not in page.text

    def test_errors_too_and_after_the_login_page(self, browser, camille, wiki):
        page = browser.authorize("wiki", response_mode="form_post", prompt="none")
        assert page.forms["cerbere-retour"]["error"].value == "login_required"
        login = browser.follow_inside(browser.authorize("wiki", response_mode="form_post"))
        back = browser.follow_inside(browser.sign_in(page=login))
        assert browser.token(back.forms["cerbere-retour"]["code"].value, "wiki").status_int == 200


@pytest.fixture(params=["RS256", "ES256"])
def key(request):
    made = RSAKey.generate_key(2048) if request.param == "RS256" else ECKey.generate_key("P-256")
    made.ensure_kid()
    return request.param, made


GARBAGE = ["", "x", "a.b.c", "e30.e30.", "e30." + "W1tb" * 2000 + ".x", "e30.W10.x", "e30.IngI.x",
           "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ3aWtpIn0."]  # fmt: skip


class TestPrivateKeyJwt:
    def assertion(self, key, header=None, **claims):
        alg, private = key
        usual = {"iss": "wiki", "sub": "wiki", "aud": "http://localhost:8000/oidc/token", "jti": secrets.token_hex(),
                 "exp": int(NOW.timestamp()) + 60, "iat": int(NOW.timestamp())}  # fmt: skip
        payload = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode({"alg": alg, "kid": private.kid} | (header or {}), payload, private)

    @pytest.fixture
    def code(self, signed_in, wiki, key):
        with time_machine.travel(NOW, tick=False):
            signed_in.sign_in()
            Client.objects.update(jwks={"keys": [key[1].as_dict(private=False)]})
            yield answer(signed_in.authorize("wiki"))["code"]

    def redeem(self, browser, code, assertion, **fields):
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
                "client_assertion_type": TYPE, "client_assertion": assertion} | fields  # fmt: skip
        return browser.post("/oidc/token", body, expect_errors=True)

    def test_a_signed_assertion_proves_the_client_once(self, signed_in, code, key):
        assertion = self.assertion(key)
        assert self.redeem(signed_in, code, assertion).status_int == 200
        assert self.redeem(signed_in, code, assertion).status_int == 401
        assert UsedAssertion.objects.count() == 1

    @pytest.mark.parametrize(
        "audience",
        ["http://localhost:8000", ["x", "http://localhost:8000"],
         *(f"http://localhost:8000/oidc/{name}" for name in ("par", "revoke", "introspect"))],
    )  # fmt: skip
    def test_the_issuer_and_its_endpoints_are_audiences_too(self, signed_in, code, key, audience):
        """RFC 9126 §2: one of them is what a client library takes."""
        assert self.redeem(signed_in, code, self.assertion(key, aud=audience)).status_int == 200

    def test_times_may_have_fractions(self, signed_in, code, key):
        times = {"exp": NOW.timestamp() + 60.5, "nbf": NOW.timestamp() - 0.5}
        assert self.redeem(signed_in, code, self.assertion(key, **times)).status_int == 200

    def test_it_speaks_for_no_other_client(self, signed_in, code, key):
        assert self.redeem(signed_in, code, self.assertion(key), client_id="piag").status_int == 401

    @pytest.mark.parametrize(
        "fault",
        [
            {"aud": "https://other.example.fr"}, {"aud": None}, {"iss": "piag"}, {"sub": "piag"}, {"sub": None},
            {"aud": [{}]}, {"aud": {}}, {"jti": None}, {"jti": ""}, {"jti": 3},
            {"exp": None}, {"exp": "soon"}, {"exp": int(NOW.timestamp()) - 60},
            {"exp": float("nan")}, {"exp": True}, {"exp": float("inf")},
            {"exp": int(NOW.timestamp()) + 3601}, {"nbf": int(NOW.timestamp()) + 61},
        ],
    )  # fmt: skip
    def test_a_faulty_assertion_proves_nothing(self, signed_in, code, key, fault):
        assert self.redeem(signed_in, code, self.assertion(key, **fault)).status_int == 401

    def test_another_key_proves_nothing(self, signed_in, code, key):
        other = (key[0], RSAKey.generate_key(2048) if key[0] == "RS256" else ECKey.generate_key("P-256"))
        assert self.redeem(signed_in, code, self.assertion(other, {"kid": key[1].kid})).status_int == 401

    @pytest.mark.parametrize(
        "garbage",
        [
            "",
            "x",
            "a.b.c",
            "e30.e30.",
            "e30." + "W1tb" * 2000 + ".x",
            "e30.W10.x",
            "e30.IngI.x",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ3aWtpIn0.",
        ],
    )
    def test_garbage_proves_nothing(self, signed_in, code, garbage):
        assert self.redeem(signed_in, code, garbage).status_int == 401

    def test_a_client_with_keys_has_no_secret_any_more(self, signed_in, code):
        assert signed_in.token(code, "wiki").status_int == 401


class TestPairwiseSubjects:
    @pytest.fixture(autouse=True)
    def _salt(self, settings):
        settings.PAIRWISE_SALT = "a-salt-of-the-tests-0123456789abcdef"

    def sub(self, browser, client_id, **parameters):
        tokens = browser.token(answer(browser.authorize(client_id, **parameters))["code"], client_id).json
        header = {"Authorization": f"Bearer {tokens['access_token']}"}
        told = browser.get("/oidc/userinfo", headers=header).json["sub"]
        keys = KeySet.import_key_set(browser.get("/oidc/jwks").json)
        assert jwt.decode(tokens["id_token"], keys).claims["sub"] == told
        return told, tokens["id_token"]

    def test_one_a_sector_the_same_each_time_and_not_the_uuid(self, signed_in, camille, db):
        for name, sector in (("a1", "a"), ("a2", "a"), ("b", "b"), ("public", "")):
            people.make_client(name, 1, sector=sector)
        a1, a2, b, public = (self.sub(signed_in, name)[0] for name in ("a1", "a2", "b", "public"))
        assert a1 == a2 == self.sub(signed_in, "a1")[0]
        assert len({a1, b, public}) == 3
        assert public == str(camille.uuid)

    def test_hints_and_logout_know_the_clients_own_subject(self, signed_in, db):
        people.make_client("a1", 1, sector="a")
        _, hint = self.sub(signed_in, "a1")
        assert answer(signed_in.authorize("a1", id_token_hint=hint, prompt="none"))["code"]
        assert signed_in.get("/oidc/logout", {"id_token_hint": hint}).status_int == 303


def test_signed_userinfo_is_for_this_client(signed_in, wiki, camille):
    Client.objects.update(userinfo_alg="ES256")
    token = signed_in.token(answer(signed_in.authorize("wiki"))["code"], "wiki").json["access_token"]
    response = signed_in.get("/oidc/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert response.content_type == "application/jwt"
    keys = KeySet.import_key_set(signed_in.get("/oidc/jwks").json)
    claims = jwt.decode(response.text, keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("http://localhost:8000", "wiki", str(camille.uuid))
