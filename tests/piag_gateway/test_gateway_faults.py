"""The gateway at its edges: hostile addresses, bodies, WebSockets, and each program down in its turn."""

import re
import subprocess
import sys

import pytest

from tests.support.fakes.forging_provider import CLIENT_ID, CLIENT_SECRET
from tests.support.fixtures import gateway as fixtures
from tests.support.paths import ROOT
from tests.support.servers.nginx import running_nginx
from tests.support.servers.piag import SECRET_KEY, running_piag
from tests.support.servers.programs import clean_environment, free_port

provider, upstream, port, piag = fixtures.provider, fixtures.upstream, fixtures.port, fixtures.piag
nginx, forge, agent, connected = fixtures.nginx, fixtures.forge, fixtures.agent, fixtures.connected
NOWHERE = "http://127.0.0.1:1"
UPGRADE = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-Fetch-Mode: websocket",
]


@pytest.fixture
def place(tmp_path):
    """Return a directory for another nginx and another PIAG."""
    (tmp_path / "nginx").mkdir()
    return tmp_path / "nginx"


@pytest.mark.parametrize(
    "uri",
    [
        "//evil.test/../ia/",
        "///evil.test/../ia/",
        "/\\evil.test/../ia/",
        "http://localhost//evil.test/../ia/",
        "/oidc/../ia/",
        "/ia/" + "a" * 600,
    ],
)
def test_hostile_address_is_not_where_the_sign_in_ends(agent, nginx, uri):
    answer = nginx.answer(f"GET {uri}")
    [away] = re.findall(r"(?i)\r\nlocation: (\S+)", answer)
    [key] = re.findall(r"(?i)\r\nset-cookie: __Host-piag_session=(\w+)", answer)
    agent.cookies.set("__Host-piag_session", key, domain="localhost.local", secure=True)
    end = agent.open(agent.open(away, follow=False).headers["Location"], follow=False)
    assert (end.status_code, end.headers["Location"]) == (302, "/assistant/")


def test_client_cannot_choose_the_address_by_a_header(agent):
    away = agent.open("/ia/1", follow=False, headers={"X-Original-URI": "/ia/2", "X-Original-Method": "PUT"})
    assert agent.open(away.headers["Location"]).url == f"{agent.piag.url}/ia/1"


def test_application_cannot_send_agents_to_what_is_internal(connected, upstream):
    upstream.headers = {"X-Accel-Redirect": "/gateway/refus"}
    assert connected.open("/ia/").status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-Ssl", "X-Forwarded-Protocol", "X-Forwarded-Proto"])
def test_what_a_client_says_of_the_scheme_does_not_trouble_piag(connected, name):
    """Its server takes two that contradict each other for an attack."""
    assert connected.open("/ia/", headers={name: "off"}).status_code == 200


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_body_reaches_the_application_and_not_piag(connected, size):
    answer = connected.post(f"{connected.piag.url}/ia/upload", data=b"a" * size, timeout=20)
    assert answer.status_code == 200
    assert answer.json()["length"] == size


def test_large_body_of_a_stranger_is_refused_as_a_small_one(agent, upstream):
    answer = agent.post(f"{agent.piag.url}/ia/upload", data=b"a" * 1_000_000, timeout=20)
    assert answer.status_code == 401
    assert upstream.seen == []


def test_websocket_is_opened_for_an_agent(connected, nginx):
    with nginx.send_raw("GET /ia/ws", fixtures.make_cookie_header(connected), *UPGRADE) as socket:
        answer = socket.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer  # RFC 6455 §1.3
        socket.sendall(b"\x81\x02hi")
        assert socket.recv(4096) == b"\x81\x02hi"


def test_websocket_is_refused_to_a_stranger(nginx, upstream):
    with nginx.send_raw("GET /ia/ws", *UPGRADE) as socket:
        assert socket.recv(4096).startswith(b"HTTP/1.1 401")
    assert upstream.seen == []


def test_pages_of_piag_stay_piags_own(connected, upstream):
    for path in ("/", "/assistant/", "/deconnexion/"):
        assert "PIAG</span>" in connected.open(path).text
    assert upstream.seen == []


def test_application_that_is_down_takes_nothing_else_with_it(connected, piag, tmp_path):
    with running_nginx(tmp_path, free_port(), piag.url, NOWHERE) as nginx:
        assert connected.get(f"{nginx.url}/ia/", verify=nginx.certificate, timeout=20).status_code == 502
        assert "PIAG</span>" in connected.get(f"{nginx.url}/assistant/", verify=nginx.certificate, timeout=20).text


def test_when_piag_is_down_nothing_passes(connected, upstream, tmp_path):
    with running_nginx(tmp_path, free_port(), NOWHERE, upstream.url) as nginx:
        for method in ("GET", "POST"):
            answer = connected.request(method, f"{nginx.url}/ia/", verify=nginx.certificate, timeout=20)
            assert answer.status_code == 500
    assert upstream.seen == []


def test_when_piag_has_no_database_nothing_passes(connected, provider, upstream, tmp_path, place):
    env = {
        "PIAG_PUBLIC_URL": connected.piag.url,
        "PIAG_TRUSTED_PROXIES": "1",
        "PIAG_DATABASE_URL": "sqlite:////nowhere/piag.sqlite3",
    }
    with (
        running_piag(tmp_path, provider.url, CLIENT_ID, CLIENT_SECRET, **env) as broken,
        running_nginx(place, free_port(), broken.url, upstream.url) as nginx,
    ):
        assert connected.get(f"{nginx.url}/ia/", verify=nginx.certificate, timeout=20).status_code == 500
    assert upstream.seen == []


def test_when_cerbere_is_down_who_is_connected_goes_on(connected, forge, provider, tmp_path, place, upstream):
    env = {"PIAG_PUBLIC_URL": connected.piag.url, "PIAG_TRUSTED_PROXIES": "1"}
    env["PIAG_DATABASE_URL"] = f"sqlite:///{connected.piag.database_path}"
    forge.discovery_status = 500
    with (
        running_piag(tmp_path, provider.url, CLIENT_ID, CLIENT_SECRET, **env) as restarted,
        running_nginx(place, free_port(), restarted.url, upstream.url) as nginx,
    ):
        assert connected.get(f"{nginx.url}/ia/", verify=nginx.certificate, timeout=20).status_code == 200
        with nginx.browser(restarted) as stranger:
            page = stranger.open("/ia/chat?id=3")
    assert page.status_code == 503
    assert "Cerbère ne répond pas comme prévu" in page.text
    assert 'name="next" value="/ia/chat?id=3"' in page.text


COUNT = """
import django; django.setup()
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
with CaptureQueriesContext(connection) as queries:
    client = Client(headers={"cookie": "__Host-piag_session=KEY", "host": "localhost"})
    answer = client.get("/gateway/verify", secure=True)
print(answer.status_code, *(query["sql"].split()[0] for query in queries))
"""


def test_verification_reads_twice_and_writes_nothing(connected):
    env = clean_environment() | {
        "DJANGO_SETTINGS_MODULE": "piag_gateway.settings",
        "PIAG_SECRET_KEY": SECRET_KEY,
        "PIAG_PUBLIC_URL": connected.piag.url,
        "PIAG_DATABASE_URL": f"sqlite:///{connected.piag.database_path}",
    }
    command = [sys.executable, "-W", "ignore", "-c", COUNT.replace("KEY", connected.session_key)]
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == ["204", "SELECT", "SELECT"], run.stderr
