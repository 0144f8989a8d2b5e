"""Whom the gateway lets through to an application, and as whom (docs/gateway.md; row P08).

nginx, PIAG and the application are programs of their own; nginx's configuration is the one that is delivered.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest
import requests

from tests.support.fakes.forging_provider import SUBJECT
from tests.support.fixtures import gateway as fixtures
from tests.support.servers.nginx import running_nginx
from tests.support.servers.programs import free_port

provider, upstream, port, piag = fixtures.provider, fixtures.upstream, fixtures.port, fixtures.piag
nginx, forge, agent, connected = fixtures.nginx, fixtures.forge, fixtures.agent, fixtures.connected
AGENT = {
    "X-Agent-Sub": SUBJECT,
    "X-Agent-Name": "Camille Durand",
    "X-Agent-Email": "camille.durand@example.fr",
    "X-Agent-Acr": "eidas2",
}
WEAK = "<title>Erreur – Accès interdit, authentification trop faible – PIAG</title>"


@pytest.fixture
def other(nginx, piag):
    with nginx.browser(piag) as browser:
        yield browser


def headers_of(page):
    """Return the headers that reached the application, as pairs: a header sent twice gives two."""
    return page.json()["headers"]


def agent_in(page):
    found = [(name.title(), value) for name, value in headers_of(page) if "agent" in name.lower() and "X" in name]
    assert len(dict(found)) == len(found)
    return dict(found)


def is_let_in(browser):
    return browser.open("/ia/", follow=False).status_code == 200


def test_agent_is_led_to_the_sign_in_and_back_to_the_page_with_its_query(agent, provider, upstream):
    away = agent.open("/ia/chat?model=a%2Fb&q=l%27%C3%A9t%C3%A9#2", follow=False)
    assert away.status_code == 302
    assert away.headers["Location"].startswith(f"{provider.url}/authorize?")
    assert upstream.seen == []
    page = agent.open(away.headers["Location"])
    assert page.url == f"{agent.piag.url}/ia/chat?model=a%2Fb&q=l%27%C3%A9t%C3%A9"
    assert page.json()["path"] == "/ia/chat?model=a%2Fb&q=l%27%C3%A9t%C3%A9"


def test_application_is_told_who_the_agent_is(connected):
    assert agent_in(connected.open("/ia/")) == AGENT


def test_names_are_percent_encoded_utf_8(agent, forge):
    forge.userinfo = {"name": "Zoé Lefèvre, 100 %\r\nX-Agent-Acr: eidas3", "email": "zoe+ia@example.fr"}
    told = agent_in(agent.open("/ia/"))
    assert told["X-Agent-Name"] == "Zo%C3%A9 Lef%C3%A8vre, 100 %25X-Agent-Acr: eidas3"
    assert unquote(told["X-Agent-Name"]) == "Zoé Lefèvre, 100 %X-Agent-Acr: eidas3"
    assert (told["X-Agent-Email"], told["X-Agent-Acr"]) == ("zoe+ia@example.fr", "eidas2")


def test_agent_without_address_has_no_such_header(agent, forge):
    forge.userinfo = {"email": None}
    page = agent.open("/ia/", headers={"X-Agent-Email": "chief@example.fr"})
    assert "X-Agent-Email" not in agent_in(page)


@pytest.mark.parametrize(
    "name",
    [
        "X-Agent-Email", "x-agent-email", "X-AGENT-EMAIL", "X_Agent_Email", "X-Agent_Email", "X_AGENT-EMAIL",
        "X-Agent.Email", "X-Agent-Sub", "X_Agent_Sub", "X-Agent-Name", "X_Agent_Name", "X-Agent-Acr", "X_Agent_Acr",
    ],
)  # fmt: skip
def test_what_a_client_says_of_itself_is_not_passed_on(connected, name):
    page = connected.open("/ia/", headers={name: "somebody-else"})
    assert agent_in(page) == AGENT
    assert "somebody-else" not in page.text


def test_header_sent_twice_is_replaced_as_a_whole(connected, nginx):
    lines = ["X-Agent-Email: a@example.fr", "X-Agent-Email: b@example.fr"]
    answer = nginx.answer("GET /ia/", fixtures.make_cookie_header(connected), *lines)
    assert "a@example.fr" not in answer
    assert "b@example.fr" not in answer
    assert AGENT["X-Agent-Email"] in answer


@pytest.mark.parametrize("headers", [{}, {"X-Agent-Sub": SUBJECT, "X-Agent-Acr": "eidas2"}])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"])
def test_nothing_of_a_stranger_reaches_the_application(agent, upstream, method, headers):
    address = f"{agent.piag.url}/ia/"
    answer = agent.request(method, address, data="a=b", headers=headers, allow_redirects=False, timeout=20)
    assert answer.status_code == (302 if method in {"GET", "HEAD"} else 401)
    assert upstream.seen == []


@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin", "websocket"])
def test_script_of_an_old_page_is_told_and_starts_no_sign_in(agent, provider, mode):
    """Each sign-in under way takes a place, and there are ten."""
    away = agent.open("/ia/", follow=False, headers={"Sec-Fetch-Mode": "navigate"})
    for _ in range(12):
        assert agent.open("/ia/api", follow=False, headers={"Sec-Fetch-Mode": mode}).status_code == 401
    assert agent.open(away.headers["Location"]).url == f"{agent.piag.url}/ia/"


@pytest.mark.parametrize("path", ["/gateway/verify", "/gateway/connexion", "/gateway/refus", "/gateway/%76erify"])
def test_what_nginx_asks_nobody_else_may(connected, path):
    assert connected.open(path, follow=False).status_code == 404


@pytest.mark.parametrize(
    "path", ["/ia/", "//ia/", "/./ia/", "/x/../ia/", "/%69a/", "/ia/%2e%2e/ia/", "/assistant/..%2fia/", "/ia/./..//ia/"]
)
def test_no_other_spelling_leads_past_the_gate(nginx, upstream, path):
    answer = nginx.answer(f"GET {path}")
    assert answer.startswith(("HTTP/1.1 302", "HTTP/1.1 404"))
    assert upstream.seen == []


def test_sign_in_below_two_factors_is_the_page_of_refusal(agent, forge, upstream):
    forge.claims = {"acr": "eidas1"}
    page = agent.open("/ia/chat?id=1")
    assert page.status_code == 403
    assert WEAK in page.text
    assert upstream.seen == []
    forge.claims = {}
    assert agent.submit(page, "/oidc/connexion/").url == f"{agent.piag.url}/ia/chat?id=1"


def test_session_below_two_factors_is_the_page_of_refusal(connected, upstream):
    connected.change_session(lambda session: session["proof"].update(acr="eidas1"))
    upstream.seen.clear()
    page = connected.open("/ia/chat?id=2")
    assert page.status_code == 403
    assert WEAK in page.text
    assert 'name="next" value="/ia/chat?id=2"' in page.text
    assert connected.post(f"{connected.piag.url}/ia/", timeout=20).status_code == 403
    assert upstream.seen == []


def test_session_that_has_reached_its_end_is_nobody(connected):
    connected.change_session(lambda session: session["proof"].update(signed_in_at=0))
    assert connected.open("/ia/", follow=False).status_code == 302


def test_closed_account_is_nobody(connected):
    public = connected.piag
    public.sql("UPDATE piag_gateway_visitor SET is_active = 0 WHERE subject = ?", SUBJECT)
    try:
        assert not is_let_in(connected)
    finally:
        public.sql("UPDATE piag_gateway_visitor SET is_active = 1 WHERE subject = ?", SUBJECT)


def test_after_signing_out_the_next_request_is_refused(connected):
    page = connected.open("/deconnexion/")
    connected.submit(page, "/deconnexion/")
    assert not is_let_in(connected)


def test_after_a_backchannel_logout_the_next_request_is_refused(connected, other, provider):
    assert other.open("/ia/").status_code == 200
    token = provider.logout_token(sid=provider.seen.sids[0])
    address = f"{connected.piag.url}/oidc/backchannel-logout/"
    answer = requests.post(address, {"logout_token": token}, verify=connected.verify, timeout=20)
    assert answer.status_code == 200
    assert (is_let_in(connected), is_let_in(other)) == (False, True)


@pytest.fixture
def two(agent, other, forge):
    """Return the browsers of two connected agents."""
    for number, browser in enumerate((agent, other)):
        name = {"sub": f"agent-{number}", "name": f"Agent {number}"}
        forge.claims, forge.userinfo = {"sub": name["sub"]}, name
        assert agent_in(browser.open("/ia/"))["X-Agent-Sub"] == name["sub"]
    return agent, other


def test_p08_two_agents_never_see_each_others_answer(two):
    def told(browser):
        return {agent_in(browser.open("/ia/same?page"))["X-Agent-Sub"] for _ in range(20)}

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(told, two)) == [{"agent-0"}, {"agent-1"}]


def test_p08_a_cache_in_nginx_keeps_no_page_and_no_cookie(two, piag, upstream, tmp_path):
    cache = f"proxy_cache_path {tmp_path}/cache keys_zone=all:1m; proxy_cache all; proxy_cache_valid any 1m;"
    cache += "add_header X-Cache $upstream_cache_status;"
    with running_nginx(tmp_path, free_port(), piag.url, upstream.url, cache) as nginx:
        for path in ("/assistant/", "/ia/", "/"):
            pages = [browser.get(nginx.url + path, verify=nginx.certificate, timeout=20) for browser in (*two, *two)]
            names = [[number for number in (0, 1) if f"Agent {number}" in page.text] for page in pages]
            assert names == [[0], [1], [0], [1]]
            assert "HIT" not in {page.headers.get("X-Cache") for page in pages}
        with nginx.browser(piag) as stranger:
            assert "Agent " not in stranger.open("/").text
            address = re.findall(r'href="(/static/[^"]+)"', stranger.open("/").text)[0]
            assert [stranger.open(address).headers["X-Cache"] for _ in range(2)] == ["MISS", "HIT"]


def test_p08_no_cookie_of_piag_that_opens_it_reaches_the_application(connected):
    key = connected.session_key
    connected.cookies.set("theme", "dark", domain="localhost.local", path="/")
    connected.cookies.set("my__Host-piag_session", "kept", domain="localhost.local", path="/")
    page = connected.open("/ia/")
    [cookie] = [value for name, value in headers_of(page) if name == "Cookie"]
    assert key not in page.text
    assert "theme=dark" in cookie
    assert "my__Host-piag_session=kept" in cookie


@pytest.mark.parametrize("form", ["{}", "{}; a=1", "a=1; {}", "a=1; {}; b=2", "a=1;{};b=2"])
def test_p08_session_cookie_is_cut_out_wherever_it_stands(connected, nginx, form):
    cookie = form.format(f"__Host-piag_session={connected.session_key}")
    answer = nginx.answer("GET /ia/", f"Cookie: {cookie}")
    assert answer.startswith("HTTP/1.1 200")
    assert connected.session_key not in answer
    assert ("a=1" in answer) == ("a=1" in form)
    assert ("b=2" in answer) == ("b=2" in form)
