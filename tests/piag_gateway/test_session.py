"""PIAG's session: when it changes its key, when it no longer suffices, how it ends (rows R09 and R16)."""

import time
from urllib.parse import urlsplit

import pytest

from tests.support.fakes.forging_provider import CLIENT_ID, CLIENT_SECRET, SUBJECT
from tests.support.fixtures import piag as fixtures
from tests.support.servers.piag import BUTTON, Browser, parse_query, running_piag

provider, gateway, forge, agent = fixtures.provider, fixtures.gateway, fixtures.forge, fixtures.agent
connected = fixtures.connected


@pytest.fixture(scope="module")
def strict(provider, tmp_path_factory):
    """Yield a PIAG that accepts no authentication older than ten minutes."""
    place = tmp_path_factory.mktemp("strict")
    with running_piag(place, provider.url, CLIENT_ID, CLIENT_SECRET, PIAG_MAX_AGE="600") as piag:
        yield piag


def test_r16_session_key_changes_at_each_sign_in(agent):
    callback = agent.to_callback()
    before = agent.session_key
    again = agent.to_callback()
    agent.open(callback)
    after = agent.session_key
    agent.open(again)
    assert len({before, after, agent.session_key}) == 3


def test_closed_account_enters_no_more(connected, gateway):
    gateway.sql("UPDATE piag_gateway_visitor SET is_active = 0 WHERE subject = ?", SUBJECT)
    try:
        page = connected.open("/assistant/")
        assert page.status_code == 403
        assert "Compte fermé" in page.text
    finally:
        gateway.sql("UPDATE piag_gateway_visitor SET is_active = 1 WHERE subject = ?", SUBJECT)


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof.update(signed_in_at=time.time() - 601 * 60),
        lambda proof: proof.update(acr="eidas1"),
        lambda proof: proof.pop("acr"),
    ],
    ids=["absolute end", "level no longer accepted", "written by another version"],
)
def test_proof_is_judged_at_each_request(connected, change):
    connected.change_session(lambda session: change(session["proof"]))
    assert connected.open("/assistant/", follow=False).status_code == 302
    assert BUTTON in connected.open("/").text


def test_signing_out_ends_both_sessions(connected, provider, gateway):
    page = connected.open("/deconnexion/")
    assert "Confirmer la déconnexion" in page.text
    assert connected.open("/assistant/", follow=False).status_code == 200  # asking is not doing
    [(kept,)] = gateway.sql("SELECT count(*) FROM piag_gateway_session WHERE session_key = ?", connected.session_key)
    home = connected.submit(page, "/deconnexion/")
    [logout] = provider.seen.logouts
    assert kept == 1
    assert logout["id_token_hint"].count(".") == 2
    assert logout["client_id"] == CLIENT_ID
    assert logout["post_logout_redirect_uri"] == f"{gateway.url}/"
    assert urlsplit(home.url).path == "/"
    assert "Vous êtes déconnecté." in home.text
    assert connected.open("/assistant/", follow=False).status_code == 302


def test_only_a_state_of_ours_says_that_one_is_signed_out(agent):
    assert "Vous êtes déconnecté." not in agent.open("/?state=forged").text


def test_signing_out_without_session_leads_home(agent):
    assert BUTTON in agent.open("/deconnexion/").text


@pytest.fixture
def hurried(strict):
    with Browser(strict) as browser:
        yield browser


def test_r09_max_age_is_asked(hurried):
    assert parse_query(hurried.open("/assistant/", follow=False).headers["Location"])["max_age"] == "600"


def test_r09_old_authentication_is_asked_again(hurried, forge):
    forge.claims = {"auth_time": int(time.time()) - 700}
    again = hurried.open(hurried.to_callback("/assistant/?page=5"), follow=False)
    assert parse_query(again.headers["Location"])["max_age"] == "600"
    forge.claims = {}
    assert hurried.open(again.headers["Location"]).url.endswith("/assistant/?page=5")


def test_r09_authentication_that_stays_old_is_refused_not_asked_for_ever(hurried, forge, provider):
    forge.claims = {"auth_time": int(time.time()) - 700}
    page = hurried.open("/assistant/")
    assert page.status_code == 403
    assert "Connexion refusée" in page.text
    assert len(provider.seen.authorizations) == 2


def test_r09_auth_time_is_owed_when_max_age_was_asked(hurried, forge):
    forge.claims = {"auth_time": None}
    assert hurried.open("/assistant/").status_code == 403


def test_r09_session_whose_authentication_grows_old_is_stepped_up(hurried):
    assert hurried.open("/assistant/").status_code == 200
    hurried.change_session(lambda session: session["proof"].update(auth_time=time.time() - 700))
    assert hurried.open("/assistant/", follow=False).status_code == 302
