"""A provider that is down, slow, or answers nonsense: a page within ten seconds, no body in the log (row R12)."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.support.fakes.forging_provider import CLIENT_ID, CLIENT_SECRET
from tests.support.fixtures import piag as fixtures
from tests.support.servers.piag import BUTTON, Browser, running_piag
from tests.support.servers.programs import free_port

provider, gateway, forge, agent = fixtures.provider, fixtures.gateway, fixtures.forge, fixtures.agent
TITLE = "<title>Erreur – Cerbère ne répond pas comme prévu – PIAG</title>"


@pytest.fixture(scope="module")
def cold(provider, tmp_path_factory):
    """Yield a PIAG that has never managed to read the discovery document or the keys."""
    with running_piag(tmp_path_factory.mktemp("cold"), provider.url, CLIENT_ID, CLIENT_SECRET) as piag:
        yield piag


def check_page(page, status):
    assert page.status_code == status
    assert TITLE in page.text
    assert int(page.headers["Retry-After"]) > 0
    assert BUTTON in page.text


@pytest.mark.parametrize(
    ("lie", "status", "reason"),
    [
        ("fails", 503, "status_500"),
        ("html", 502, "not_json"),
        ("list", 502, "not_an_object"),
        ("redirects", 502, "redirect"),
        ("huge", 502, "too_large"),
        ("incomplete", 502, "token_incomplete"),
        ("odd", 502, "token_incomplete"),
        ("denies_client", 502, "token_status_401"),
    ],
)
def test_r12_nonsense_of_the_token_endpoint_is_a_page(agent, gateway, provider, forge, lie, status, reason):
    forge.token = lie
    page = agent.open("/assistant/")
    check_page(page, status)
    assert gateway.events("sign_in.refused")[-1]["reason"] == reason
    assert provider.seen.bytes_sent < 20_000_000
    assert agent.open("/assistant/", follow=False).status_code == 302


def test_r12_provider_that_is_slow_is_cut_within_ten_seconds(gateway, forge):
    """It says nothing, or its body or its headers come drop by drop."""
    lies = ("hangs", "drips", "drips_headers")
    browsers, callbacks = [Browser(gateway) for _ in lies], []
    for browser, forge.token in zip(browsers, lies, strict=True):
        callbacks.append(browser.to_callback())
    start = time.monotonic()
    with ThreadPoolExecutor() as pool:
        pages = list(pool.map(lambda browser, callback: browser.open(callback), browsers, callbacks))
    assert time.monotonic() - start < 10
    for page, browser in zip(pages, browsers, strict=True):
        browser.close()
        assert page.status_code in {502, 503}
        assert TITLE in page.text


def test_code_that_is_worth_nothing_any_more_is_the_agents_to_repeat(agent, gateway, forge):
    forge.token = "refuses"
    page = agent.open("/assistant/")
    assert page.status_code == 400
    assert "Connexion interrompue" in page.text
    assert gateway.events("sign_in.refused")[-1]["reason"] == "invalid_grant"


@pytest.mark.parametrize(("code", "status"), [(500, 503), (401, 502), (302, 502), (204, 502)])
def test_r12_userinfo_that_fails_is_a_page(agent, forge, code, status):
    forge.userinfo_status = code
    check_page(agent.open("/assistant/"), status)


def test_r12_neither_body_nor_secret_is_logged(agent, gateway, provider, forge):
    agent.open("/assistant/")
    for forge.token in ("fails", "html"):
        with Browser(gateway) as other:
            other.open("/assistant/")
    [code] = [token["code"] for token in provider.seen.tokens][:1]
    for secret in (CLIENT_SECRET, "a-body-that-no-log-may-hold", code, "eyJ", "Basic ", "Bearer "):
        assert secret not in gateway.log


def test_log_is_json_lines_only_beside_granians_own(agent, gateway):
    agent.open("/assistant/")
    lines = [line for line in gateway.log.splitlines() if not line.startswith("[")]
    assert lines
    assert [line for line in lines if "request_id" not in json.loads(line)] == []


# --- A PIAG that knows nothing yet ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("discovery", "reason"),
    [
        ({"issuer": "https://evil.test"}, "discovery_issuer"),
        ({"issuer": None}, "discovery_issuer"),
        ({"token_endpoint": None}, "discovery_token_endpoint"),
        ({"jwks_uri": "http://evil.test/jwks"}, "discovery_jwks_uri"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "discovery_authorization_endpoint"),
        ({"userinfo_endpoint": "http://[evil"}, "discovery_userinfo_endpoint"),
        ({"end_session_endpoint": ["x"]}, "discovery_end_session_endpoint"),
    ],
)
def test_discovery_of_somebody_else_is_not_believed(cold, forge, discovery, reason):
    forge.discovery = discovery
    with Browser(cold) as agent:
        check_page(agent.open("/assistant/"), 502)
    assert cold.events("sign_in.refused")[-1]["reason"] == reason


@pytest.mark.parametrize(("code", "status"), [(404, 502), (302, 502), (500, 503)])
def test_discovery_that_fails_is_a_page(cold, forge, code, status):
    forge.discovery_status = code
    with Browser(cold) as agent:
        check_page(agent.open("/assistant/"), status)


def test_provider_that_is_down_is_a_page_with_the_button(tmp_path):
    with (
        running_piag(tmp_path, f"http://127.0.0.1:{free_port()}", CLIENT_ID, CLIENT_SECRET) as piag,
        Browser(piag) as agent,
    ):
        home = agent.open("/")
        assert home.status_code == 200
        check_page(agent.open("/assistant/"), 503)
        check_page(agent.submit(home, "/oidc/connexion/"), 503)
        assert 'name="next" value="/assistant/?page=7"' in agent.open("/assistant/?page=7").text
        assert agent.open("/readyz").status_code == 200
    assert piag.events("provider.unreachable")[-1]["error"] == "ConnectionError"


def test_r12_empty_key_set_is_a_page_and_is_not_remembered(provider, forge, tmp_path):
    with running_piag(tmp_path, provider.url, CLIENT_ID, CLIENT_SECRET) as piag, Browser(piag) as agent:
        forge.keys = []
        check_page(agent.open("/assistant/"), 502)
        forge.keys = None
        assert agent.open("/assistant/").status_code == 200
        assert provider.seen.key_reads == 2


def test_provider_without_end_of_session_still_ends_ours(provider, forge, tmp_path):
    forge.discovery = {"end_session_endpoint": None, "authorization_response_iss_parameter_supported": None}
    forge.response = {"iss": None}
    with running_piag(tmp_path, provider.url, CLIENT_ID, CLIENT_SECRET) as piag, Browser(piag) as agent:
        page = agent.submit(agent.open("/assistant/"), "/deconnexion/")
        assert "Vous êtes déconnecté de PIAG" in page.text
        assert f'href="{provider.url}/deconnexion/"' in page.text
        assert agent.open("/assistant/", follow=False).status_code == 302
        forge.response = {"iss": "https://evil.test"}
        assert agent.open("/assistant/").status_code == 403


@pytest.fixture
def restarted(provider, forge, tmp_path):
    """Return PIAG after a restart, and three browsers from before: two that sign in, one connected."""
    start = partial(running_piag, tmp_path, provider.url, CLIENT_ID, CLIENT_SECRET, port=free_port())
    with start() as piag:
        browsers = [Browser(piag) for _ in range(3)]
        callbacks = [browser.to_callback() for browser in browsers]
        browsers[2].open(callbacks.pop())
    with start() as piag:
        yield piag, browsers, callbacks
    for browser in browsers:
        browser.close()


def test_restart_loses_no_sign_in_and_no_session(restarted, provider, forge):
    """What may happen while PIAG, which has forgotten the provider, reads its discovery document again."""
    piag, (finishing, interrupted, leaving), callbacks = restarted
    forge.discovery_status = 500
    assert leaving.open("/assistant/").status_code == 200
    assert "Vous êtes déconnecté de PIAG" in leaving.submit(leaving.open("/deconnexion/"), "/deconnexion/").text
    check_page(finishing.open(callbacks[0]), 503)
    forge.discovery_status = 200
    key = interrupted.session_key
    forge.before_discovery = lambda: piag.sql("DELETE FROM piag_gateway_session WHERE session_key = ?", key)
    page = interrupted.open(callbacks[1])  # another tab signs out meanwhile
    assert page.status_code == 400
    assert "Connexion interrompue" in page.text
    assert finishing.open(callbacks[0]).url == f"{piag.url}/assistant/"
