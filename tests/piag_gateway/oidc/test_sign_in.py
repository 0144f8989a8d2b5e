"""A sign-in to PIAG by a provider that tells the truth (rows R01, R11, R13)."""

import re

import pytest

from tests.support.fakes.forging_provider import CLIENT_ID, SUBJECT
from tests.support.fixtures import piag as fixtures
from tests.support.servers.piag import BUTTON, Browser, parse_query

provider, gateway, forge, agent = fixtures.provider, fixtures.gateway, fixtures.forge, fixtures.agent
connected = fixtures.connected


def test_r01_protected_page_starts_a_sign_in_with_all_that_it_needs(agent, provider, gateway):
    answer = agent.open("/assistant/", follow=False)
    asked = parse_query(answer.headers["Location"])
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{provider.url}/authorize?")
    assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
    assert asked["redirect_uri"] == f"{gateway.url}/oidc/callback/"
    assert asked["acr_values"] == "eidas2"
    assert asked["code_challenge_method"] == "S256"
    assert re.fullmatch(r"[\w-]{43}", asked["code_challenge"])
    assert len(asked["state"]) >= 32
    assert len(asked["nonce"]) >= 32
    assert "max_age" not in asked


def test_the_button_leads_to_the_assistant(agent):
    home = agent.open("/")
    assert "<title>Connexion – PIAG</title>" in home.text
    assert BUTTON in home.text
    assistant = agent.submit(home, "/oidc/connexion/")
    assert assistant.url.endswith("/assistant/")
    for words in ("Camille Durand", "camille.durand@example.fr", "eidas2 (deux facteurs)", "mot de passe (pwd)"):
        assert words in assistant.text


def test_time_of_authentication_is_shown_in_paris_time(agent, forge):
    forge.claims = {"auth_time": 1_767_225_600}  # midnight UTC of 1 January 2026
    assert re.search(r"1 janvier 2026 à <span[^>]*>1 h 00", agent.open("/assistant/").text)


def test_time_of_authentication_may_be_unknown(agent, forge):
    forge.claims = {"auth_time": None}
    assert "Authentifié le" not in agent.open("/assistant/").text


def test_home_says_who_is_connected(connected):
    home = connected.open("/").text
    assert "Vous êtes connecté avec deux facteurs : Camille Durand." in home
    assert 'href="/assistant/"' in home
    assert BUTTON not in home


def test_nobody_is_named_before_the_sign_in(agent):
    assert "Se déconnecter" not in agent.open("/").text


def test_code_is_redeemed_with_the_client_in_the_header_and_the_verifier(connected, provider):
    [token] = provider.seen.tokens
    assert token["authorization"].startswith("Basic ")
    assert "client_secret" not in token
    assert len(token["code_verifier"]) >= 43


def test_opening_the_start_by_its_address_only_shows_the_button(agent, provider):
    assert BUTTON in agent.open("/oidc/connexion/").text
    assert provider.seen.authorizations == []


def test_start_needs_the_token_of_the_form(agent, provider, gateway):
    answer = agent.post(f"{gateway.url}/oidc/connexion/", {"next": "/assistant/"}, timeout=20)
    assert answer.status_code == 403
    assert "<title>Erreur – Page expirée – PIAG</title>" in answer.text
    assert provider.seen.authorizations == []


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)", "/" + "a" * 600, ""]
)
def test_next_stays_inside_the_site(agent, gateway, target):
    assert agent.submit(agent.open("/"), "/oidc/connexion/", next=target).url == f"{gateway.url}/assistant/"


def test_next_cannot_be_the_callback_itself(agent, gateway):
    landed = agent.submit(agent.open("/"), "/oidc/connexion/", next="/oidc/callback/?state=x")
    assert landed.url == f"{gateway.url}/assistant/"


def test_r13_two_tabs_finish_in_reverse_each_on_its_own_page(agent, gateway):
    first, second = agent.to_callback("/assistant/?page=1"), agent.to_callback("/assistant/?page=2")
    assert agent.open(second).url == f"{gateway.url}/assistant/?page=2"
    assert agent.open(first).url == f"{gateway.url}/assistant/?page=1"


def test_sign_ins_under_way_are_bounded(agent):
    oldest = agent.to_callback()
    for _ in range(10):
        agent.to_callback()
    assert BUTTON in agent.open(oldest).text


def test_r11_an_address_of_another_agent_merges_nothing(connected, gateway, forge):
    forge.claims = forge.userinfo = {"sub": "somebody-else"}
    with Browser(gateway) as other:
        other.open("/assistant/")
    rows = gateway.sql("SELECT subject FROM piag_gateway_visitor WHERE email = 'camille.durand@example.fr'")
    assert {(SUBJECT,), ("somebody-else",)} <= set(rows)


def test_name_and_address_follow_the_directory(agent, gateway, forge):
    forge.userinfo = {"name": "Camille\n\0 Martin", "email": None}
    assert "Camille Martin" in agent.open("/assistant/").text
    assert gateway.sql("SELECT name, email FROM piag_gateway_visitor WHERE subject = ?", SUBJECT) == [
        ("Camille Martin", "")
    ]


def test_another_agent_in_the_same_browser_starts_with_an_empty_session(agent, forge):
    mine, pending = agent.to_callback(), agent.to_callback("/assistant/?page=mine")
    other = agent.to_callback()
    agent.open(mine)
    forge.claims = forge.userinfo = {"sub": "shared-desk", "name": "Dominique Morel"}
    assert "Dominique Morel" in agent.open(other).text
    assert agent.open(pending).url.endswith("/assistant/")  # the first agent's destinations are gone
