"""Logout tokens as PIAG receives them: what ends a session at once, and what must not (row X07)."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.fakes.forging_provider import CLIENT_ID, CLIENT_SECRET, LOGOUT_EVENT, SUBJECT
from tests.support.fixtures import piag as fixtures
from tests.support.servers.piag import Browser, running_piag

provider, gateway, forge = fixtures.provider, fixtures.gateway, fixtures.forge
PATH = "/oidc/backchannel-logout/"


@pytest.fixture
def enter(gateway, forge):
    """Return a function that signs an agent in, in another browser each time."""
    browsers = []

    def _enter(subject=SUBJECT, **claims):
        browsers.append(Browser(gateway))
        forge.claims, forge.userinfo = {"sub": subject, **claims}, {"sub": subject}
        assert browsers[-1].open("/assistant/").status_code == 200
        forge.claims = forge.userinfo = {}
        return browsers[-1]

    yield _enter
    for browser in browsers:
        browser.close()


def post_logout_token(gateway, token):
    return requests.post(gateway.url + PATH, data={"logout_token": token}, timeout=20)


def is_connected(browser):
    return browser.open("/assistant/", follow=False).status_code == 200


def weakened(browser):
    """Lower the session's acr below what PIAG accepts, so that the next page starts another sign-in."""
    browser.change_session(lambda session: session["proof"].update(acr="eidas1"))
    return browser


def refused(gateway, answer, reason):
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request"}
    assert "no-store" in answer.headers["Cache-Control"]
    assert gateway.events("backchannel_logout.refused")[-1]["reason"] == reason


def test_x07_named_session_is_over_at_the_next_request_and_others_live_on(gateway, provider, enter):
    ended, other_browser, other_agent = enter(), enter(), enter("dominique")
    key = ended.session_key
    answer = post_logout_token(gateway, provider.logout_token(sid=provider.seen.sids[0]))
    assert (answer.status_code, answer.content) == (200, b"")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert [is_connected(browser) for browser in (ended, other_browser, other_agent)] == [False, True, True]
    assert gateway.sql("SELECT count(*) FROM piag_gateway_session WHERE session_key = ?", key) == [(0,)]
    assert gateway.events("backchannel_logout.done")[-1]["sessions"] == 1


def test_x07_session_id_alone_is_enough(gateway, provider, enter):
    ended = enter()
    assert post_logout_token(gateway, provider.logout_token(sub=None, sid=provider.seen.sids[0])).status_code == 200
    assert not is_connected(ended)


def test_x07_subject_alone_ends_all_sessions_of_that_agent(gateway, provider, enter):
    here, there, other_agent = enter(), enter(sid=None), enter("dominique")
    assert post_logout_token(gateway, provider.logout_token()).status_code == 200
    assert [is_connected(browser) for browser in (here, there, other_agent)] == [False, False, True]


def test_x07_session_of_another_agent_is_not_the_one_meant(gateway, provider, enter):
    kept = enter("dominique")
    assert post_logout_token(gateway, provider.logout_token(sid=provider.seen.sids[0])).status_code == 200
    assert is_connected(kept)


def test_x07_session_that_never_was_is_no_fault(gateway, provider, enter):
    kept = enter()
    assert post_logout_token(gateway, provider.logout_token(sid="unknown")).status_code == 200
    assert is_connected(kept)


def test_x07_step_up_is_ended_by_its_new_session(gateway, provider, enter):
    """The row follows the last sign-in in this browser."""
    agent = weakened(enter())
    agent.open(agent.to_callback())
    assert post_logout_token(gateway, provider.logout_token(sid=provider.seen.sids[1])).status_code == 200
    assert not is_connected(agent)


def test_x07_same_session_may_sign_in_again(gateway, provider, enter):
    """Cerbère also ends the applications' sessions when a level falls, and keeps its own."""
    enter(sid="kept")
    assert post_logout_token(gateway, provider.logout_token(sid="kept")).status_code == 200
    assert is_connected(enter(sid="kept"))


def test_x07_sign_in_under_way_is_lost_and_can_be_begun_again(gateway, provider, enter):
    agent = weakened(enter())
    callback = agent.to_callback()
    post_logout_token(gateway, provider.logout_token())
    assert "Reprendre la connexion" in agent.open(callback).text


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.test"}, "iss"),
        ({"aud": "wiki"}, "aud"),
        ({"aud": ["piag", "wiki"], "azp": "piag"}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": lambda now: now - 61}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": lambda now: now - 302}, "iat"),
        ({"iat": lambda now: now + 90}, "iat"),
        ({"sub": None}, "sid_or_sub"),
        ({"sid": ""}, "sid"),
        ({"sid": ["a"]}, "sid"),
        ({"sid": "a" * 256}, "sid"),
        ({"sub": 7, "sid": "a"}, "sub"),
        ({"events": None}, "events"),
        ({"events": [LOGOUT_EVENT]}, "events"),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, "events"),
        ({"events": {LOGOUT_EVENT: None}}, "events"),
        ({"events": {LOGOUT_EVENT: True}}, "events"),
        ({"nonce": "n"}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"jti": None}, "jti"),
        ({"jti": "é"}, "jti"),
        ({"jti": "a" * 256}, "jti"),
    ],
)
def test_x07_claim_that_does_not_hold_is_refused_and_the_session_kept(gateway, provider, enter, claims, reason):
    kept = enter()
    now = int(time.time())
    claims = {name: value(now) if callable(value) else value for name, value in claims.items()}
    refused(gateway, post_logout_token(gateway, provider.logout_token(**claims)), reason)
    assert is_connected(kept)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"algorithm": "none"}, "signature"),
        ({"algorithm": "HS256"}, "signature"),
        ({"algorithm": "RS384"}, "signature"),
        ({"stranger": True}, "signature"),
        ({"header": {"kid": "unknown"}}, "unknown_key"),
        ({"header": {"typ": None}}, "typ"),
        ({"header": {"typ": "JWT"}}, "typ"),
        ({"header": {"typ": "at+jwt"}}, "typ"),
    ],
)
def test_x07_token_that_cerbere_has_not_signed_as_a_logout_is_refused(gateway, provider, forge, enter, lie, reason):
    kept = enter()
    for name, value in lie.items():
        setattr(forge, name, value)
    token = provider.logout_token()
    provider.reset()
    refused(gateway, post_logout_token(gateway, token), reason)
    assert is_connected(kept)


@pytest.mark.parametrize(("header", "reason"), [({}, "typ"), ({"typ": "logout+jwt"}, "events")])
def test_x07_id_token_is_no_logout_token(gateway, provider, forge, enter, header, reason):
    """Not even one under the name of the other: it names no event."""
    kept = enter()
    forge.header = header
    claims = provider.claims({"nonce": "n"}, "an-access-token")
    refused(gateway, post_logout_token(gateway, provider.sign(claims)), reason)
    assert is_connected(kept)


def test_x07_logout_token_is_no_id_token(gateway, provider, forge, enter):
    forge.id_token = provider.logout_token()
    with Browser(gateway) as agent:
        assert agent.open("/assistant/").status_code == 403


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "..", "e30.e30.e30", "é", "a.b.c.d.e", "\0"])
def test_x07_what_is_no_token_is_refused(gateway, token):
    refused(gateway, post_logout_token(gateway, token), "signature")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({}, "no_token"),
        ({"data": {"token": "a.b.c"}}, "no_token"),
        ({"data": [("logout_token", "a.b.c"), ("logout_token", "a.b.c")]}, "no_token"),
        ({"params": {"logout_token": "a.b.c"}}, "no_token"),
        ({"json": {"logout_token": "a.b.c"}}, "no_token"),
        ({"files": {"logout_token": "a.b.c"}}, "no_token"),
        ({"data": {"logout_token": "a" * 70_000}}, "RequestDataTooBig"),
        ({"data": {str(n): "" for n in range(100)}}, "TooManyFieldsSent"),
    ],
    ids=["nothing", "other name", "twice", "query", "json", "multipart", "too long", "too many"],
)
def test_x07_request_without_one_token_is_refused(gateway, request_, reason):
    refused(gateway, requests.post(gateway.url + PATH, timeout=20, **request_), reason)


@pytest.mark.parametrize("parameter", ["charset=utf-16", "x*=nonsense''%41"])
def test_x07_parameter_that_forms_do_not_have_changes_nothing(gateway, parameter):
    headers = {"Content-Type": f"application/x-www-form-urlencoded; {parameter}"}
    told = requests.post(gateway.url + PATH, b"logout_token=a.b.c", headers=headers, timeout=20)
    refused(gateway, told, "signature")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_x07_only_post_is_heard(gateway, method):
    answer = requests.request(method, gateway.url + PATH, timeout=20)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_x07_token_serves_once(gateway, provider, enter):
    enter(sid="kept")
    token = provider.logout_token(sid="kept")
    assert post_logout_token(gateway, token).status_code == 200
    kept = enter(sid="kept")
    refused(gateway, post_logout_token(gateway, token), "jti")
    assert is_connected(kept)


def test_x07_of_the_same_token_sent_at_once_one_is_accepted(gateway, provider):
    token = provider.logout_token()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(post_logout_token, gateway, token) for _ in range(8)]
    assert sorted(answer.result().status_code for answer in answers) == [200] + [400] * 7


def test_x07_token_that_is_refused_is_not_spent(gateway, provider):
    assert post_logout_token(gateway, provider.logout_token(jti="one", aud="wiki")).status_code == 400
    assert post_logout_token(gateway, provider.logout_token(jti="one")).status_code == 200


def test_x07_spent_tokens_are_forgotten_when_their_age_refuses_them(gateway, provider):
    issued = int(time.time()) - 240
    assert post_logout_token(gateway, provider.logout_token(jti="old", iat=issued)).status_code == 200
    [(expiry,)] = gateway.sql("SELECT strftime('%s', expires_at) FROM piag_gateway_spenttoken WHERE jti = 'old'")
    assert int(expiry) == issued + 300 + 60
    gateway.sql("UPDATE piag_gateway_spenttoken SET expires_at = '2026-01-01 00:00:00' WHERE jti = 'old'")
    assert post_logout_token(gateway, provider.logout_token(jti="new")).status_code == 200
    kept = gateway.sql("SELECT jti FROM piag_gateway_spenttoken WHERE jti IN ('old', 'new')")
    assert kept == [("new",)]


@pytest.fixture
def forgetful(provider, tmp_path):
    """Yield a PIAG that has read neither the discovery document nor the keys yet."""
    with running_piag(tmp_path, provider.url, CLIENT_ID, CLIENT_SECRET) as piag:
        yield piag


@pytest.mark.parametrize("lie", [{"discovery_status": 500}, {"discovery_status": 404}, {"keys": []}])
def test_x07_token_that_cannot_be_judged_is_for_later(forgetful, provider, forge, lie):
    token = provider.logout_token()
    for name, value in lie.items():
        setattr(forge, name, value)
    answer = post_logout_token(forgetful, token)
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})
    assert int(answer.headers["Retry-After"]) > 0
    provider.reset()
    assert post_logout_token(forgetful, token).status_code == 200


def test_x07_what_is_no_token_is_refused_without_asking_cerbere(forgetful, forge):
    forge.discovery_status = 500
    assert post_logout_token(forgetful, "a.b.c").status_code == 400


def test_x07_no_token_is_in_the_log(gateway, provider):
    tokens = [provider.logout_token(), provider.logout_token(aud="wiki")]
    for token in tokens:
        post_logout_token(gateway, token)
    assert not any(part in gateway.log for token in tokens for part in token.split(".")[1:])
