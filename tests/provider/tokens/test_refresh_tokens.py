"""Refresh tokens: one use each, one family, never more than the session really has."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from joserfc import jwt
from joserfc.jwk import KeySet

from accounts.models import AgentSession
from cerbere.audit.models import AuditEvent
from cerbere.provider.clients.models import Client
from tests.support import people
from tests.support.at_once import run_at_once
from tests.support.people import NOW, Browser, answer, userinfo

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_now():
    with time_machine.travel(NOW, tick=False) as moment:
        yield moment


@pytest.fixture
def tokens(at_now, browser, enrolled, piag):
    """Return the tokens that a client with refresh tokens got in a session at two factors."""
    Client.objects.update(refresh_tokens=True)
    browser.sign_in()
    browser.send_code("/verification/", people.code())
    return browser.token(answer(browser.authorize())["code"]).json


def refresh(browser, token, client_id="piag", **fields):
    return browser.token(None, client_id, grant_type="refresh_token", refresh_token=token, code_verifier=None,
                         redirect_uri=None, **fields)  # fmt: skip


def refused(response, error="invalid_grant"):
    assert (response.status_int, response.json["error"]) == (400, error)


def test_a_client_gets_them_only_when_registered_so(browser, enrolled, piag):
    browser.sign_in()
    browser.send_code("/verification/", people.code())
    assert "refresh_token" not in browser.token(answer(browser.authorize())["code"]).json


def test_a_refresh_gives_new_tokens_with_the_true_time_and_level(at_now, browser, tokens):
    at_now.shift(timedelta(minutes=5))
    again = refresh(browser, tokens["refresh_token"]).json
    keys = KeySet.import_key_set(browser.get("/oidc/jwks").json)
    first, second = (jwt.decode(t["id_token"], keys).claims for t in (tokens, again))
    assert again["refresh_token"] != tokens["refresh_token"]
    assert {k: second[k] for k in ("sub", "aud", "acr", "amr", "auth_time", "sid")} == {
        k: first[k] for k in ("sub", "aud", "acr", "amr", "auth_time", "sid")
    }
    assert second["iat"] == first["iat"] + 300
    assert "nonce" not in second
    assert (
        userinfo(browser, tokens["access_token"]).status_int,
        userinfo(browser, again["access_token"]).status_int,
    ) == (401, 200)


def test_k08_a_used_one_kills_the_family(browser, tokens):
    again = refresh(browser, tokens["refresh_token"]).json
    refused(refresh(browser, tokens["refresh_token"]))
    refused(refresh(browser, again["refresh_token"]))
    assert userinfo(browser, again["access_token"]).status_int == 401
    assert AuditEvent.objects.filter(name="refresh_token:replayed", agent="camille.durand").exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_k08_eight_in_parallel_give_one_answer_and_no_fault(tokens):
    def use(_):
        return refresh(Browser(), tokens["refresh_token"]).status_int

    assert sorted(run_at_once(use, range(8))) == [200] + [400] * 7


def test_another_client_cannot_use_it(browser, tokens, wiki):
    Client.objects.update(refresh_tokens=True)
    refused(refresh(browser, tokens["refresh_token"], "wiki"))
    assert refresh(browser, tokens["refresh_token"]).status_int == 200


@pytest.mark.parametrize("token", ["x", "x.y", "." * 100])
def test_what_is_no_refresh_token_is_an_invalid_grant(browser, tokens, token):
    refused(refresh(browser, token))


def test_a_wider_scope_is_refused(browser, tokens):
    refused(refresh(browser, tokens["refresh_token"], scope="openid siret"), "invalid_scope")
    assert refresh(browser, tokens["refresh_token"], scope="openid email").status_int == 200


def test_a_scope_that_means_nothing_here_is_ignored_again(browser, tokens):
    told = refresh(browser, tokens["refresh_token"], scope="openid api:write").json
    assert told["scope"] == "openid profile email"


@pytest.mark.parametrize("fields", [{}, {"scope": "openid siret"}])
def test_k08_a_used_one_kills_the_family_whatever_it_asks_for(browser, tokens, fields):
    again = refresh(browser, tokens["refresh_token"]).json
    refused(refresh(browser, tokens["refresh_token"], **fields))
    assert userinfo(browser, again["access_token"]).status_int == 401


def test_it_ends_with_the_session_idle_or_absolute(at_now, browser, tokens):
    at_now.shift(timedelta(minutes=119))
    token = refresh(browser, tokens["refresh_token"]).json["refresh_token"]
    at_now.shift(timedelta(minutes=1))
    refused(refresh(browser, token))


def test_s14_it_is_refused_once_the_level_has_fallen(at_now, browser, tokens, settings):
    settings.SECOND_FACTOR_MAX_AGE = timedelta(minutes=10)
    at_now.shift(timedelta(minutes=11))
    refused(refresh(browser, tokens["refresh_token"]))


@pytest.mark.parametrize("fault", ["method", "agent", "session", "client", "registration", "password"])
def test_s14_it_is_refused_when_what_it_stands_for_is_gone(browser, tokens, enrolled, piag, fault):
    {
        "method": lambda: enrolled.otp_mel.remove(),
        "agent": lambda: type(enrolled).objects.update(is_active=False),
        "session": lambda: AgentSession.objects.all().delete(),
        "client": lambda: Client.objects.update(enabled=False),
        "password": lambda: type(enrolled).objects.update(password=people.password_hash("un autre mot de passe")),
        "registration": lambda: Client.objects.update(refresh_tokens=False),
    }[fault]()
    assert refresh(browser, tokens["refresh_token"]).status_int in (400, 401)


def test_only_its_digest_is_kept(tokens):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM provider_grant")
        assert tokens["refresh_token"].partition(".")[2] not in str(cursor.fetchall())


class TestRevocation:
    def revoke(self, browser, token, client_id="piag", **fields):
        body = {"token": token, "client_id": client_id, "client_secret": people.CLIENT_SECRET} | fields
        return browser.post("/oidc/revoke", body, expect_errors=True)

    def test_a_refresh_token_takes_everything_with_it(self, browser, tokens):
        assert self.revoke(browser, tokens["refresh_token"]).status_int == 200
        assert AuditEvent.objects.filter(name="token:revoked", agent="camille.durand", client_id="piag").exists()
        assert userinfo(browser, tokens["access_token"]).status_int == 401
        refused(refresh(browser, tokens["refresh_token"]))

    def test_an_access_token_goes_alone(self, browser, tokens):
        assert self.revoke(browser, tokens["access_token"], token_type_hint="refresh_token").status_int == 200
        assert userinfo(browser, tokens["access_token"]).status_int == 401
        assert refresh(browser, tokens["refresh_token"]).status_int == 200

    def test_a_used_refresh_token_takes_its_family_with_it(self, browser, tokens):
        again = refresh(browser, tokens["refresh_token"]).json
        assert self.revoke(browser, tokens["refresh_token"]).status_int == 200
        assert userinfo(browser, again["access_token"]).status_int == 401
        refused(refresh(browser, again["refresh_token"]))

    def test_anothers_token_is_refused_and_left_alone(self, browser, tokens, wiki):
        refused(self.revoke(browser, tokens["refresh_token"], "wiki"))
        refused(self.revoke(browser, tokens["access_token"], "wiki"))
        assert userinfo(browser, tokens["access_token"]).status_int == 200

    def test_an_unknown_token_is_no_error_but_none_is(self, browser, tokens):
        assert self.revoke(browser, "unknown").status_int == 200
        assert self.revoke(browser, "x", client_secret="wrong").status_int == 401
        response = browser.post(
            "/oidc/revoke", {"client_id": "piag", "client_secret": people.CLIENT_SECRET}, expect_errors=True
        )
        assert response.json["error"] == "invalid_request"


class TestIntrospection:
    def introspect(self, browser, token, client_id="piag", **fields):
        body = {"token": token, "client_id": client_id, "client_secret": people.CLIENT_SECRET} | fields
        return browser.post("/oidc/introspect", body, expect_errors=True)

    def test_s15_tells_the_level_and_the_time_of_the_grant(self, browser, tokens, enrolled):
        told = self.introspect(browser, tokens["access_token"]).json
        assert told == {
            "active": True, "iss": "http://localhost:8000", "sub": str(enrolled.uuid), "client_id": "piag",
            "scope": "openid profile email", "token_type": "Bearer", "exp": int(NOW.timestamp()) + 600,
            "acr": "eidas2", "auth_time": int(NOW.timestamp()), "sid": str(AgentSession.objects.get().sid),
        }  # fmt: skip
        of_refresh = self.introspect(browser, tokens["refresh_token"]).json
        ends = int(AgentSession.objects.get().expire_date.timestamp())
        assert (of_refresh["token_type"], of_refresh["exp"]) == ("refresh_token", ends)

    def test_a_dead_token_is_only_inactive(self, at_now, browser, tokens):
        at_now.shift(timedelta(minutes=10))
        assert self.introspect(browser, tokens["access_token"]).json == {"active": False}
        assert self.introspect(browser, "unknown").json == {"active": False}
        AgentSession.objects.all().delete()
        assert self.introspect(browser, tokens["refresh_token"]).json == {"active": False}

    def test_others_tokens_are_told_only_to_those_registered_so(self, browser, tokens, wiki):
        assert self.introspect(browser, tokens["access_token"], "wiki").json == {"active": False}
        Client.objects.filter(client_id="wiki").update(may_introspect=True)
        told = self.introspect(browser, tokens["access_token"], "wiki").json
        assert (told["active"], told["client_id"]) == (True, "piag")

    def test_a_refresh_token_is_dead_once_the_client_may_have_none(self, browser, tokens):
        Client.objects.update(refresh_tokens=False)
        assert self.introspect(browser, tokens["refresh_token"]).json == {"active": False}
        assert self.introspect(browser, tokens["access_token"]).json["active"] is True

    def test_anothers_refresh_token_passes_for_no_access_token(self, browser, tokens, wiki):
        Client.objects.filter(client_id="wiki").update(may_introspect=True)
        assert self.introspect(browser, tokens["refresh_token"], "wiki").json == {"active": False}

    def test_the_subject_is_the_one_that_the_client_knows(self, browser, tokens, wiki, settings):
        settings.PAIRWISE_SALT = "a-salt-of-the-tests-0123456789abcdef"
        Client.objects.filter(client_id="piag").update(sector="a")
        Client.objects.filter(client_id="wiki").update(may_introspect=True)
        bearer = {"Authorization": f"bearer {tokens['access_token']}"}
        known = browser.get("/oidc/userinfo", headers=bearer).json["sub"]
        for asks in ("piag", "wiki"):
            assert self.introspect(browser, tokens["access_token"], asks).json["sub"] == known

    def test_nobody_asks_without_proving_who_he_is(self, browser, tokens):
        assert self.introspect(browser, tokens["access_token"], client_secret="wrong").status_int == 401


def test_two_secrets_are_valid_while_an_application_rolls_over(browser, tokens, piag):
    piag.refresh_from_db()
    new = piag.renew_secret()
    piag.save()
    first = refresh(browser, tokens["refresh_token"])
    assert refresh(browser, first.json["refresh_token"], client_secret=new).status_int == 200
    piag.forget_previous_secret()
    piag.save()
    assert refresh(browser, "x").status_int == 401
