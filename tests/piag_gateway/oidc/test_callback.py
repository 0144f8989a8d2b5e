"""What comes back to PIAG instead of a good answer: refusals, leftovers, forged links (row R14 and after)."""

import re

import pytest

from tests.support.fixtures import piag as fixtures
from tests.support.servers.piag import BUTTON, Browser

provider, gateway, forge, agent = fixtures.provider, fixtures.gateway, fixtures.forge, fixtures.agent
connected = fixtures.connected


def test_r14_reloaded_callback_leads_to_the_page(agent, gateway):
    callback = agent.to_callback("/assistant/?page=3")
    agent.open(callback)
    assert agent.open(callback).url == f"{gateway.url}/assistant/?page=3"


def test_r14_back_to_the_callback_after_signing_out_offers_to_sign_in(agent):
    callback = agent.to_callback()
    agent.submit(agent.open(callback), "/deconnexion/")
    page = agent.open(callback)
    assert (page.status_code, page.history) == (200, [])
    assert "Reprendre la connexion" in page.text
    assert BUTTON in page.text


@pytest.mark.parametrize("query", ["", "?error=access_denied", "?error=x&state=unknown", "?code=c&state=unknown"])
def test_stray_callback_neither_signs_out_nor_in(connected, gateway, query):
    with Browser(gateway) as stranger:
        assert BUTTON in stranger.open(f"/oidc/callback/{query}").text
        assert stranger.open("/assistant/", follow=False).status_code == 302
    connected.open(f"/oidc/callback/{query}")
    assert connected.open("/assistant/", follow=False).status_code == 200


def test_callback_of_another_browser_has_no_effect(agent, gateway, provider):
    """A link that would sign its victim in as somebody else (login CSRF)."""
    callback = agent.to_callback()
    with Browser(gateway) as victim:
        victim.to_callback()
        assert BUTTON in victim.open(callback).text
    assert provider.seen.tokens == []


@pytest.mark.parametrize(
    ("error", "status", "heading"),
    [
        ("access_denied", 403, "Connexion non accordée"),
        ("login_required", 403, "Connexion non accordée"),
        ("unmet_authentication_requirements", 403, "Connexion non accordée"),
        ("temporarily_unavailable", 503, "Cerbère ne répond pas comme prévu"),
        ("server_error", 502, "Cerbère ne répond pas comme prévu"),
        ("<script>alert(1)</script>", 502, "Cerbère ne répond pas comme prévu"),
    ],
)
def test_refusal_of_the_provider_is_a_page_that_lets_try_again(agent, forge, error, status, heading):
    forge.response = {"code": None, "error": error, "error_description": "<b>mot</b>"}
    callback = agent.to_callback("/assistant/?page=4")
    page = agent.open(callback)
    assert page.status_code == status
    assert f"<title>Erreur – {heading} – PIAG</title>" in page.text
    assert ("Retry-After" in page.headers) == (status > 500)
    assert "<script>alert" not in page.text
    assert "<b>mot" not in page.text
    assert re.search(r"Référence : <strong>[0-9A-F]{4}-[0-9A-F]{4}</strong>", page.text)
    assert "Reprendre la connexion" in agent.open(callback).text  # that state is spent
    forge.response = {}
    assert agent.submit(page, "/oidc/connexion/").url.endswith("/assistant/?page=4")


def test_reference_of_a_page_is_in_the_log(agent, gateway, forge):
    forge.response = {"code": None, "error": "access_denied"}
    page = agent.open("/assistant/")
    [reference] = re.findall(r"<strong>(\w{4}-\w{4})</strong>", page.text)
    event = gateway.events("sign_in.refused")[-1]
    assert event["request_id"] == page.headers["X-Request-ID"]
    assert event["request_id"].upper().startswith(reference.replace("-", ""))
    assert (event["fault"], event["reason"]) == ("Declined", "access_denied")


def test_refused_sign_in_leaves_a_session_alone(connected, forge):
    pending = connected.change_session
    pending(lambda session: session.update(oidc_states={"s": {"destination": "/", "again": False, "nonce": "n"}}))
    assert connected.open("/oidc/callback/?state=s&error=access_denied").status_code == 403
    assert connected.open("/assistant/", follow=False).status_code == 200


def test_answer_without_code_is_a_page(agent, forge):
    forge.response = {"code": None}
    page = agent.open("/assistant/")
    assert page.status_code == 400
    assert "Connexion interrompue" in page.text


@pytest.mark.parametrize("issuer", ["https://evil.test", "", None])
def test_answer_of_another_issuer_is_refused(agent, provider, forge, issuer):
    forge.response = {"iss": issuer}
    page = agent.open("/assistant/")
    assert page.status_code == 403
    assert "Connexion refusée" in page.text
    assert provider.seen.tokens == []
