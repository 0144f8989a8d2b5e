"""Userinfo, keys and discovery: what applications read of an agent and of us."""

import json
from datetime import timedelta

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import KeySet

from cerbere.provider.clients.models import Client
from cerbere.provider.keys import signing
from cerbere.provider.tokens.models import Grant
from tests.settings import EC_KEY, RSA_KEY, _pem
from tests.support import people
from tests.support.people import NOW, answer, userinfo

pytestmark = pytest.mark.django_db


def access_token(browser, **parameters):
    return browser.token(answer(browser.authorize("wiki", **parameters))["code"], "wiki").json["access_token"]


def test_u01_header_and_body_give_the_same_subject_as_the_id_token(signed_in, camille, wiki):
    token = access_token(signed_in, scope="openid email")
    header = {"Authorization": f"Bearer {token}"}
    answers = [
        userinfo(signed_in, token),
        signed_in.post("/oidc/userinfo", headers=header),
        signed_in.post("/oidc/userinfo", {"access_token": token}),
    ]
    expected = {"sub": str(camille.uuid), "email": "camille.durand@example.fr"}
    assert [response.json for response in answers] == [expected] * 3


SCOPES = {
    "openid": set(),
    "openid profile": {"uid", "name", "given_name", "family_name", "usual_name", "organizational_unit"},
    "openid uid given_name usual_name email siret": {"uid", "given_name", "usual_name", "email", "siret"},
    "openid phone": set(),  # empty claims are left out
    "openid email unknown sub": {"email"},
}


@pytest.mark.parametrize(("scope", "names"), SCOPES.items(), ids=SCOPES)
def test_u01_scopes_give_their_claims(signed_in, wiki, scope, names):
    assert set(userinfo(signed_in, access_token(signed_in, scope=scope)).json) - {"sub"} == names


def test_the_claims_parameter_adds_and_the_clients_set_limits(signed_in, wiki):
    asked = json.dumps({"userinfo": {"siret": {"essential": True}, "password": None}})
    assert userinfo(signed_in, access_token(signed_in, claims=asked)).json["siret"] == "11006801200050"
    Client.objects.update(claims=["name"])
    told = userinfo(signed_in, access_token(signed_in, claims=asked, scope="openid profile email")).json
    assert set(told) == {"sub", "name"}


def test_a_token_by_another_scheme_is_none(signed_in, wiki):
    token = access_token(signed_in)
    assert signed_in.get("/oidc/userinfo", headers={"Authorization": f"bearer {token}"}).json["sub"]
    for scheme in ("Basic", "DPoP", token):
        header = {"Authorization": f"{scheme} {token}"}
        assert signed_in.get("/oidc/userinfo", headers=header, expect_errors=True).status_int == 401


def test_an_empty_token_in_the_form_is_none(signed_in, wiki):
    header = {"Authorization": f"Bearer {access_token(signed_in)}"}
    assert signed_in.post("/oidc/userinfo", {"access_token": ""}, header).status_int == 200
    assert signed_in.post("/oidc/userinfo", {"access_token": ""}, expect_errors=True).status_int == 401


def test_the_id_token_has_what_the_claims_parameter_names_there(signed_in, wiki):
    asked = json.dumps({"id_token": {"email": {"essential": True}, "password": None}})
    code = answer(signed_in.authorize("wiki", claims=asked))["code"]
    keys = KeySet.import_key_set(signed_in.get("/oidc/jwks").json)
    claims = jwt.decode(signed_in.token(code, "wiki").json["id_token"], keys).claims
    assert (claims["email"], claims["uid"]) == ("camille.durand@example.fr", "camille.durand")
    assert "password" not in claims


def test_u03_an_expired_token_is_refused(signed_in, camille, wiki):
    with time_machine.travel(NOW, tick=False):
        signed_in.sign_in()
        token = access_token(signed_in)
    with time_machine.travel(NOW + timedelta(seconds=599), tick=False):
        assert userinfo(signed_in, token).status_int == 200
    with time_machine.travel(NOW + timedelta(seconds=600), tick=False):
        response = userinfo(signed_in, token)
    assert response.status_int == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_u03_after_logout_the_token_is_dead(signed_in, wiki):
    token = access_token(signed_in)
    account = signed_in.get("/compte/")
    next(form for form in account.forms.values() if form.action == "/deconnexion/").submit()
    assert userinfo(signed_in, token).status_int == 401


def test_u03_a_revoked_grant_is_dead(signed_in, wiki):
    token = access_token(signed_in)
    Grant.objects.get().revoke(NOW)
    assert userinfo(signed_in, token).status_int == 401


@pytest.mark.parametrize(
    ("header", "error"), [(None, ""), ("Bearer unknown", "invalid_token"), ("Basic x", "invalid_token")]
)
def test_no_token_and_a_wrong_one_are_told_apart(browser, header, error):
    response = browser.get("/oidc/userinfo", headers={"Authorization": header} if header else {}, expect_errors=True)
    assert response.status_int == 401
    assert (f'error="{error}"' in response.headers["WWW-Authenticate"]) == bool(error)


def test_a_token_given_twice_or_in_the_query_is_refused(signed_in, wiki):
    token = access_token(signed_in)
    header = {"Authorization": f"Bearer {token}"}
    twice = signed_in.post("/oidc/userinfo", {"access_token": token}, headers=header, expect_errors=True)
    assert (twice.status_int, twice.json["error"]) == (400, "invalid_request")
    assert signed_in.get(f"/oidc/userinfo?access_token={token}", expect_errors=True).status_int == 401


def test_u05_published_keys_are_public_strong_and_cacheable(browser):
    response = browser.get("/oidc/jwks")
    published = response.json["keys"]
    assert {key["kty"] for key in published} == {"RSA", "EC"}
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {member for key in published for member in key}
    assert len({key["kid"] for key in published}) == len(published) == 2
    assert all(len(key["n"]) >= 342 for key in published if key["kty"] == "RSA")
    assert "public" in response.headers["Cache-Control"]


def test_u04_the_first_key_signs_and_the_others_still_verify(settings):
    from cryptography.hazmat.primitives.asymmetric import rsa

    told = {"iss": settings.PUBLIC_URL, "sub": "x", "aud": "wiki", "at_hash": "x"}
    old = signing.sign_token(told, "RS256")
    settings.SIGNING_KEYS = _pem(rsa.generate_private_key(65537, 2048)) + _pem(RSA_KEY) + _pem(EC_KEY)
    new = signing.sign_token(told, "RS256")
    assert old.split(".")[0] != new.split(".")[0]
    assert signing.read_own_token(old)["sub"] == signing.read_own_token(new)["sub"] == "x"
    assert len(KeySet.import_key_set(signing.export_public_jwks()).keys) == 3


@pytest.mark.parametrize("path", ["/oidc/authorize", "/oidc/token", "/oidc/userinfo"])
def test_u06_no_answer_is_open_to_scripts_of_other_sites(browser, path):
    response = browser.options(path, headers={"Origin": "https://evil.test"}, expect_errors=True)
    assert not any(name.lower().startswith("access-control") for name in response.headers)


def test_o01_discovery_tells_the_truth(browser, piag):
    document = browser.get("/.well-known/openid-configuration").json
    assert document["issuer"] == "http://localhost:8000"
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["acr_values_supported"] == ["eidas1", "eidas2"]
    assert document["authorization_response_iss_parameter_supported"] is True
    for name in ("authorization", "token", "userinfo", "end_session"):
        path = document[f"{name}_endpoint"].removeprefix("http://localhost:8000")
        assert browser.get(path, expect_errors=True).status_int in (200, 302, 303, 400, 401, 405)
    assert people.CALLBACK not in str(document)


def test_no_public_document_asks_the_database(browser, django_assert_num_queries):
    with django_assert_num_queries(0):
        browser.get("/.well-known/openid-configuration")
        browser.get("/oidc/jwks")
