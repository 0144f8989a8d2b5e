"""PIAG's pages as a web site: names, headers, cookies, errors (rows C01, C09, H01, H02, H04, H07, H09)."""

import re
import socket

import pytest
import requests

from tests.support.fakes.forging_provider import CLIENT_ID, CLIENT_SECRET
from tests.support.fixtures import piag as fixtures
from tests.support.servers.piag import Browser, running_piag

provider, gateway, agent, connected = fixtures.provider, fixtures.gateway, fixtures.agent, fixtures.connected
HTTPS = {"Host": "piag.example.fr", "X-Forwarded-Proto": "https"}
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


@pytest.fixture(scope="module")
def public(provider, tmp_path_factory):
    """Yield a PIAG behind a proxy that ends TLS."""
    env = {"PIAG_PUBLIC_URL": "https://piag.example.fr", "PIAG_TRUSTED_PROXIES": "1"}
    with running_piag(tmp_path_factory.mktemp("https"), provider.url, CLIENT_ID, CLIENT_SECRET, **env) as piag:
        yield piag


def check_headers(answer):
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert "X-Powered-By" not in answer.headers
    assert not re.search(r"\d", answer.headers["Server"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/assistant/", 302),
        ("/oidc/callback/", 200),
        ("/nothing", 404),
        ("/healthz", 200),
        ("/deconnexion/", 302),
    ],
)
def test_h04_headers_are_on_every_answer(agent, provider, path, status):
    answer = agent.open(path, follow=False)
    policy = {directive.strip() for directive in answer.headers["Content-Security-Policy"].split(";")}
    assert answer.status_code == status
    assert policy == POLICY | {f"form-action 'self' {provider.url}"}
    assert "Strict-Transport-Security" not in answer.headers
    check_headers(answer)


def test_h04_headers_are_on_refusals_too(gateway):
    check_headers(requests.get(f"{gateway.url}/", headers={"Host": "evil.test"}, timeout=20))
    check_headers(requests.post(f"{gateway.url}/", timeout=20))


def test_h04_https_is_remembered_by_the_browser(public):
    answer = requests.get(f"{public.url}/", headers=HTTPS, timeout=20)
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"


def test_c01_cookies_are_closed(agent):
    agent.open("/")
    cookies = cookies_of(agent.open("/assistant/", follow=False)) | cookies_of(agent.open("/"))
    assert set(cookies) == {"piag_session", "piag_csrf"}
    for attributes in cookies.values():
        assert {"httponly", "samesite=lax", "path=/"} <= attributes
        assert not any(attribute.startswith("domain") for attribute in attributes)


def test_c01_cookies_are_bound_to_the_host_under_https(public):
    cookies = cookies_of(requests.get(f"{public.url}/assistant/", headers=HTTPS, timeout=20, allow_redirects=False))
    cookies |= cookies_of(requests.get(f"{public.url}/", headers=HTTPS, timeout=20))
    assert set(cookies) == {"__Host-piag_session", "__Host-piag_csrf"}
    assert all("secure" in attributes for attributes in cookies.values())


def cookies_of(answer):
    """Return the name and the attributes of each cookie that the response sets."""
    found = {}
    for line in answer.raw.headers.getlist("Set-Cookie"):
        first, *attributes = [part.strip() for part in line.split(";")]
        found[first.partition("=")[0]] = {attribute.lower() for attribute in attributes}
    return found


@pytest.mark.parametrize("value", ["x", "a" * 32, "a" * 8000, "é" * 16, '"\\000' + "a" * 31 + '"', "../../etc/passwd"])
def test_c09_session_cookie_that_is_not_ours_is_nobody(gateway, value):
    headers = {"Cookie": f"piag_session={value}".encode()}
    answer = requests.get(f"{gateway.url}/", headers=headers, timeout=20)
    assert answer.status_code == 200
    assert "S'authentifier avec Cerbère" in answer.text


def test_c09_truncated_session_cookie_is_nobody(connected, gateway):
    cookie = f"piag_session={connected.session_key[:-1]}"
    answer = requests.get(f"{gateway.url}/assistant/", headers={"Cookie": cookie}, timeout=20, allow_redirects=False)
    assert answer.status_code == 302


@pytest.mark.parametrize("host", ["evil.test", "evil.test:80", "127.0.0.1.evil.test", "a b", ""])
def test_h01_other_host_is_a_page(gateway, host):
    answer = requests.get(f"{gateway.url}/", headers={"Host": host}, timeout=20)
    assert answer.status_code == 400
    assert "<h1>Demande incorrecte</h1>" in answer.text or host == ""
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-Host": "evil.test"}, {"Forwarded": "host=evil.test"}, {"Host": "127.0.0.1:1"}]
)
def test_h01_redirect_uri_is_the_public_name_whatever_is_sent(gateway, headers):
    answer = requests.get(f"{gateway.url}/assistant/", headers=headers, timeout=20, allow_redirects=False)
    port = gateway.url.rpartition(":")[2]
    assert f"redirect_uri=http%3A%2F%2F127.0.0.1%3A{port}%2Foidc%2Fcallback%2F&" in answer.headers["Location"]


def test_h02_scheme_sent_by_a_client_downgrades_nothing(public):
    headers = {**HTTPS, "X-Forwarded-Proto": "http"}
    answer = requests.get(f"{public.url}/assistant/", headers=headers, timeout=20, allow_redirects=False)
    assert "redirect_uri=https%3A%2F%2Fpiag.example.fr%2Foidc%2Fcallback%2F&" in answer.headers["Location"]
    assert all("secure" in attributes for attributes in cookies_of(answer).values())


@pytest.mark.parametrize("query", ["state=<script>alert(7)</script>", "error=%0d%0aX: y&state=%00", "state=&code="])
def test_h07_what_is_sent_to_the_callback_is_never_shown(agent, query):
    answer = agent.open(f"/oidc/callback/?{query}")
    assert answer.status_code == 200
    assert "alert(7)" not in answer.text
    assert "X" not in answer.headers


def test_h07_claims_are_escaped(agent, provider):
    provider.reset().userinfo = {"name": "<script>alert(7)</script>", "email": '"><img src=x>'}
    page = agent.open("/assistant/").text
    provider.reset()
    assert "&lt;script&gt;alert(7)" in page
    assert "<script>alert(7)" not in page
    assert "<img" not in page


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/", "/assistant/", "/oidc/callback/", "/healthz"])
def test_h09_method_that_a_page_does_not_have_is_refused(gateway, method, path):
    assert requests.request(method, gateway.url + path, timeout=20).status_code in {403, 405}


@pytest.mark.parametrize("path", ["/.git/config", "/static/", "/static/../manage.py", "/admin/", "/static/%2e%2e/x"])
def test_h09_what_is_not_a_page_is_not_found(gateway, path):
    """Sent as it is: a client would tidy the path up."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 404 ")
    assert "<title>Erreur – Page introuvable – PIAG</title>" in answer


def test_pages_have_one_heading_a_language_and_skip_links(connected):
    for path in ("/", "/assistant/", "/deconnexion/", "/nothing"):
        page = connected.open(path).text
        assert page.count("<h1>") == 1
        assert '<html lang="fr"' in page
        assert page.index('href="#contenu"') < page.index("<header")
        assert 'id="contenu"' in page
        assert 'id="pied-de-page"' in page
        assert re.search(r"<title>(Erreur – )?[^<]+ – PIAG</title>", page)


def test_pages_look_like_piag_and_lead_to_cerberes_help(agent, provider):
    page = agent.open("/").text
    assert "PIAG</span>" in page
    assert "Portail d’identité" not in page
    assert f'href="{provider.url}/aide/#cerbere">Qu’est-ce que Cerbère ?</a>' in page
    for path in ("/accessibilite/", "/mentions-legales/", "/donnees-personnelles/", "/aide/"):
        assert f'href="{provider.url}{path}"' in page


def test_static_files_of_a_page_are_served(agent):
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', agent.open("/").text):
        assert agent.open(path).status_code == 200


def test_a_fault_of_ours_is_a_french_page_without_trace(connected, gateway):
    connected.change_session(lambda session: session.update(oidc_states={"s": {}}))
    page = connected.open("/oidc/callback/?state=s")
    assert page.status_code == 500
    assert "<title>Erreur – Erreur inattendue – PIAG</title>" in page.text
    assert "Camille" not in page.text
    assert "Traceback" not in page.text
    [event] = gateway.events("Internal Server Error: /oidc/callback/")
    assert event["request_id"] == page.headers["X-Request-ID"]


def test_database_that_is_down_is_a_page_that_says_so(provider, tmp_path):
    env = {"PIAG_DATABASE_URL": "sqlite:////nowhere/piag.sqlite3"}
    with running_piag(tmp_path, provider.url, CLIENT_ID, CLIENT_SECRET, **env) as piag, Browser(piag) as agent:
        assert agent.open("/healthz").status_code == 200
        assert agent.open("/").status_code == 200
        for path in ("/readyz", "/assistant/"):
            page = agent.open(path, follow=False)
            assert page.status_code == 503
            assert page.headers["Retry-After"] == "30"
            assert "<title>Erreur – Service momentanément indisponible – PIAG</title>" in page.text


def test_form_of_an_old_page_is_a_page(connected):
    page = connected.open("/deconnexion/")
    answer = connected.submit(page, "/deconnexion/", csrfmiddlewaretoken="a" * 64)
    assert answer.status_code == 403
    assert "<h1>Page expirée</h1>" in answer.text
    assert connected.open("/assistant/", follow=False).status_code == 200


def test_too_much_is_refused_before_it_is_read(agent):
    answer = agent.submit(agent.open("/"), "/oidc/connexion/", next="/" + "a" * 70_000)
    assert answer.status_code == 400
    assert "<h1>Demande incorrecte</h1>" in answer.text
