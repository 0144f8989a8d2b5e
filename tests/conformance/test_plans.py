"""The modules of the OpenID Foundation's conformance plans, each as a test of the same name.

Plans: config, basic, RP-initiated logout, back-channel logout. The suite's clients send no PKCE, and its browser runs
no JavaScript: neither does this one. A `NAME` of the suite is `test_NAME` here, dashes as underscores.
"""

import base64
import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.support import people
from tests.support.people import CALLBACK, VERIFIER, answer, authorization, challenge
from tests.support.suite import ISSUER

pytestmark = pytest.mark.django_db


class TestConfig:
    def test_oidcc_discovery_endpoint_verification(self, suite):
        response = suite.get("/.well-known/openid-configuration")
        document = response.json
        assert response.content_type == "application/json"
        assert document["issuer"] == ISSUER
        for name in (
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "end_session_endpoint",
            "pushed_authorization_request_endpoint",
        ):
            assert document[name].startswith(ISSUER)
        assert "code" in document["response_types_supported"]
        assert "public" in document["subject_types_supported"]
        assert "RS256" in document["id_token_signing_alg_values_supported"]
        assert "openid" in document["scopes_supported"]
        assert {"sub", "iss", "auth_time", "acr", "name", "email"} <= set(document["claims_supported"])
        assert document["code_challenge_methods_supported"] == ["S256"]
        assert document["authorization_response_iss_parameter_supported"] is True
        assert document["claims_parameter_supported"] is True
        assert document["request_uri_parameter_supported"] is False
        assert document["backchannel_logout_supported"] is True
        assert document["backchannel_logout_session_supported"] is True
        algorithms = [name for name in document if name.endswith("_endpoint_auth_signing_alg_values_supported")]
        assert len(algorithms) == 3, "one for each endpoint that takes private_key_jwt (RFC 8414 §2)"
        keys = suite.get("/oidc/jwks").json["keys"]
        assert all(key["kid"] and key["use"] == "sig" for key in keys)


class TestBasic:
    def test_oidcc_server(self, suite):
        tokens, claims = suite.flow()
        assert tokens["token_type"] == "Bearer"
        assert {"sub", "exp", "iat", "auth_time", "acr", "at_hash"} <= set(claims)
        assert claims["nonce"] == "a-nonce"

    def test_oidcc_response_type_missing(self, suite):
        assert answer(suite.ask(response_type=None))["error"] == "invalid_request"

    def test_oidcc_idtoken_signature(self, suite):
        tokens, _ = suite.flow()
        header = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[0] + "=="))
        kids = {key["kid"]: key["alg"] for key in suite.get("/oidc/jwks").json["keys"]}
        assert header["alg"] == kids[header["kid"]] == "RS256"

    def test_oidcc_idtoken_unsigned(self, suite):
        """`none` is not offered, so no client can be registered for it."""
        assert (
            "none" not in suite.get("/.well-known/openid-configuration").json["id_token_signing_alg_values_supported"]
        )

    def test_oidcc_userinfo_get(self, suite):
        tokens, claims = suite.flow()
        assert suite.userinfo(tokens).json["sub"] == claims["sub"]

    def test_oidcc_userinfo_post_header(self, suite):
        tokens, claims = suite.flow()
        header = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert suite.post("/oidc/userinfo", headers=header).json["sub"] == claims["sub"]

    def test_oidcc_userinfo_post_body(self, suite):
        tokens, claims = suite.flow()
        assert suite.post("/oidc/userinfo", {"access_token": tokens["access_token"]}).json["sub"] == claims["sub"]

    def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(self, suite):
        _, claims = suite.flow(nonce=None)
        assert "nonce" not in claims

    def test_oidcc_scope_profile(self, suite):
        tokens, _ = suite.flow(scope="openid profile")
        assert {"name", "given_name", "family_name"} <= set(suite.userinfo(tokens).json)

    def test_oidcc_scope_email(self, suite):
        tokens, _ = suite.flow(scope="openid email")
        assert suite.userinfo(tokens).json["email"] == "camille.durand@example.fr"

    def test_oidcc_scope_address(self, suite):
        """The directory knows no address: nothing is claimed, nothing fails."""
        tokens, _ = suite.flow(scope="openid address")
        assert set(suite.userinfo(tokens).json) == {"sub"}

    def test_oidcc_scope_phone(self, suite, camille):
        type(camille).objects.update(phone_number="+33 1 40 00 00 00")
        tokens, _ = suite.flow(scope="openid phone")
        assert suite.userinfo(tokens).json["phone_number"] == "+33 1 40 00 00 00"

    def test_oidcc_scope_all(self, suite):
        tokens, _ = suite.flow(scope="openid profile email address phone")
        assert {"sub", "name", "email"} <= set(suite.userinfo(tokens).json)

    def test_oidcc_alternate_happy_flow(self, suite):
        suite.flow()
        _, claims = suite.flow(state="another", nonce="another-nonce")
        assert claims["nonce"] == "another-nonce"

    def test_oidcc_display_page(self, suite):
        suite.flow(display="page")

    def test_oidcc_display_popup(self, suite):
        suite.flow(display="popup")

    def test_oidcc_prompt_login(self, suite):
        with time_machine.travel(timezone.now(), tick=False) as moment:
            _, first = suite.flow()
            moment.shift(timedelta(seconds=5))
            page = suite.follow_inside(suite.ask(prompt="login"))
            assert people.login_form(page)
            moment.shift(timedelta(seconds=5))
            tokens = suite.redeem(suite.follow_inside(suite.sign_in(page=page))).json
            assert suite.claims(tokens)["auth_time"] == first["auth_time"] + 10

    def test_oidcc_prompt_none_not_logged_in(self, suite):
        assert answer(suite.ask(prompt="none"))["error"] == "login_required"

    def test_oidcc_prompt_none_logged_in(self, suite):
        _, first = suite.flow()
        tokens = suite.redeem(suite.ask(prompt="none")).json
        assert {k: suite.claims(tokens)[k] for k in ("sub", "auth_time")} == {k: first[k] for k in ("sub", "auth_time")}

    def test_oidcc_max_age_1(self, suite):
        with time_machine.travel(timezone.now(), tick=False) as moment:
            _, first = suite.flow()
            moment.shift(timedelta(seconds=2))
            page = suite.follow_inside(suite.ask(max_age="1"))
            assert people.login_form(page)
            tokens = suite.redeem(suite.follow_inside(suite.sign_in(page=page))).json
            assert suite.claims(tokens)["auth_time"] == first["auth_time"] + 2

    def test_oidcc_max_age_10000(self, suite):
        _, first = suite.flow()
        assert suite.claims(suite.redeem(suite.ask(max_age="10000")).json)["auth_time"] == first["auth_time"]

    def test_oidcc_ensure_request_with_unknown_parameter_succeeds(self, suite):
        suite.flow(extra="foobar")

    def test_oidcc_id_token_hint(self, suite):
        tokens, first = suite.flow()
        again = suite.redeem(suite.ask(prompt="none", id_token_hint=tokens["id_token"])).json
        assert suite.claims(again)["sub"] == first["sub"]

    def test_oidcc_login_hint(self, suite):
        page = suite.follow_inside(suite.ask(login_hint="camille.durand"))
        assert people.login_form(page)["username"].value == "camille.durand"

    def test_oidcc_ui_locales(self, suite):
        assert 'lang="fr"' in suite.follow_inside(suite.ask(ui_locales="se fr")).text

    def test_oidcc_claims_locales(self, suite):
        suite.flow(claims_locales="se")

    def test_oidcc_ensure_request_with_acr_values_succeeds(self, suite):
        _, claims = suite.flow(acr_values="eidas1 eidas2")
        assert claims["acr"] == "eidas1"

    def test_oidcc_codereuse(self, suite):
        response = suite.log_in(suite.ask())
        tokens = suite.redeem(response).json
        again = suite.redeem(response)
        assert (again.status_int, again.json["error"]) == (400, "invalid_grant")
        assert suite.userinfo(tokens).status_int == 401

    def test_oidcc_codereuse_30seconds(self, suite):
        response = suite.log_in(suite.ask())
        tokens = suite.redeem(response).json
        with time_machine.travel(timezone.now() + timedelta(seconds=30)):
            assert suite.redeem(response).json["error"] == "invalid_grant"
            assert suite.userinfo(tokens).status_int == 401

    def test_oidcc_ensure_registered_redirect_uri(self, suite):
        response = suite.ask(redirect_uri=CALLBACK + "unregistered")
        assert (response.status_int, "Location" in response.headers) == (400, False)

    def test_oidcc_ensure_post_request_succeeds(self, suite):
        body = authorization("suite", scope="openid", code_challenge=None, code_challenge_method=None)
        suite.claims(suite.redeem(suite.log_in(suite.post("/oidc/authorize", body))).json)

    def test_oidcc_server_client_secret_post(self, suite):
        assert suite.redeem(suite.log_in(suite.ask())).status_int == 200

    def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(self, suite):
        assert answer(suite.ask(request_uri="https://suite.example.fr/request"))["error"] == "request_uri_not_supported"

    def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(self, suite):
        assert answer(suite.ask(request="eyJhbGciOiJub25lIn0.e30."))["error"] == "request_not_supported"

    def test_oidcc_claims_essential(self, suite):
        tokens, _ = suite.flow(claims=json.dumps({"userinfo": {"name": {"essential": True}}}))
        assert suite.userinfo(tokens).json["name"] == "Camille Durand"

    def test_oidcc_ensure_request_object_with_redirect_uri(self, suite):
        """A request object cannot bring another redirect_uri in: it is not read at all."""
        object_ = base64.urlsafe_b64encode(b'{"redirect_uri":"https://evil.test/"}').decode().rstrip("=")
        response = suite.ask(request=f"eyJhbGciOiJub25lIn0.{object_}.")
        assert answer(response)["error"] == "request_not_supported"

    def test_oidcc_refresh_token(self, suite):
        tokens, first = suite.flow(scope="openid offline_access", prompt="consent")
        again = suite.token(
            None, "suite", grant_type="refresh_token", refresh_token=tokens["refresh_token"], code_verifier=None
        ).json
        claims = suite.claims(again)
        assert (claims["sub"], claims["auth_time"]) == (first["sub"], first["auth_time"])
        assert again["access_token"] != tokens["access_token"]

    def test_oidcc_ensure_request_with_valid_pkce_succeeds(self, suite):
        response = suite.log_in(suite.ask(code_challenge=challenge(), code_challenge_method="S256"))
        assert suite.token(answer(response)["code"], "suite", code_verifier=VERIFIER).status_int == 200


def test_forms_and_their_buttons_have_ids_that_stay(suite, browser, enrolled):
    """By which the suite's browser finds them."""
    login = browser.get("/connexion/")
    browser.sign_in(page=login)
    for page, form, button in (
        (login, "connexion", "bouton-connexion"),
        (browser.get("/verification/"), "saisie-code", "bouton-valider"),
        (browser.get("/oidc/logout"), "deconnexion", "bouton-deconnexion"),
    ):
        assert page.html.select_one(f"form#{form} button#{button}"), form
