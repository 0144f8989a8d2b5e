"""The server behind the proxy that the documents give: what a client makes up does not pass for the proxy's word."""

import json
import re
import signal
import subprocess
from http.cookies import SimpleCookie

import pytest

from tests.nginx import Nginx, as_root, is_listening, make_certificate, program, running_nginx
from tests.piag import ROOT, free_port
from tests.serving import served

TEMPLATE = ROOT / "docs/deploy/nginx.conf.template"
MADE_UP = ("X_Forwarded_For: 192.0.2.1", "X-Forwarded_For: 192.0.2.1", "X_Forwarded_Proto: http")
WORDS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    with served("tests.echo", tmp_path_factory.mktemp("echo")) as server:
        yield server


@pytest.fixture
def nginx(echo, tmp_path):
    """docs/deploy/nginx.conf.template, but for its addresses and places."""
    port = free_port()
    make_certificate(tmp_path)
    changes = {
        "listen 80 ": f"listen 127.0.0.1:{free_port()} ", "listen 443 ": f"listen 127.0.0.1:{port} ",
        "server cerbere:8000": f"server 127.0.0.1:{echo.port}", "server piag:8000": f"server 127.0.0.1:{echo.port}",
        "${CERBERE_HOST}": "localhost", "${PIAG_HOST}": "piag.test", " /tmp/": f" {tmp_path}/",
        "/run/secrets/tls_certificate": f"{tmp_path}/piag.crt", "/run/secrets/tls_key": f"{tmp_path}/piag.key",
    }  # fmt: skip
    text = TEMPLATE.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "nginx.conf").write_text(text)
    command = [program(), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", f"daemon off; {as_root()}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert is_listening(process, port)
    yield Nginx(port, tmp_path / "piag.crt")
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def body(answer):
    return json.loads(re.search(r"\{.*\}", answer)[0])


def test_names_with_underscores_stop_at_the_proxy(nginx):
    told = body(nginx.answer("GET /?a=%20b", *MADE_UP, "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http"))
    assert [told[name] for name in WORDS] == ["127.0.0.1", "https"]
    assert (told["HTTP_HOST"], told["QUERY_STRING"]) == (f"localhost:{nginx.port}", "a=%20b")


def test_a_neighbour_s_cookie_does_not_hide_ours(nginx):
    names = ("session", "csrf", "langue", "demande", "navigateur")
    ours = {f"__Host-cerbere_{name}": f"v-{name}" for name in names}
    sent = "; ".join(["of_a_neighbour=é", *(f"{name}={value}" for name, value in ours.items()), "another=ü"])
    told = body(nginx.answer("GET /", f"Cookie: {sent}"))["HTTP_COOKIE"]
    assert {name: morsel.value for name, morsel in SimpleCookie(told).items()} == ours


def test_a_neighbour_s_cookie_does_not_hide_that_of_piag(echo, tmp_path):
    upstream = f"http://127.0.0.1:{echo.port}"
    sent = "Cookie: of_the_application=é; __Host-piag_session=one; __Host-piag_csrf=two; x=ü"
    with running_nginx(tmp_path, free_port(), upstream, upstream) as nginx:
        told = body(nginx.answer("GET /healthz", sent))["HTTP_COOKIE"]
    kept = {name: morsel.value for name, morsel in SimpleCookie(told).items()}
    assert kept == {"__Host-piag_session": "one", "__Host-piag_csrf": "two"}


def test_the_server_itself_loses_a_header_beyond_ascii(echo):
    """Why the proxy must pass our cookies only. When this fails, granian has learned it."""
    assert echo.tell("GET /", "Cookie: a=é; b=c")["HTTP_COOKIE"] == ""


def test_names_with_underscores_stop_at_the_gateways_proxy(echo, tmp_path):
    upstream = f"http://127.0.0.1:{echo.port}"
    with running_nginx(tmp_path, free_port(), upstream, upstream) as nginx:
        told = body(nginx.answer("GET /healthz", *MADE_UP))
    assert [told[name] for name in WORDS] == ["127.0.0.1", "https"]


def test_the_server_itself_does_not_tell_such_names_apart(echo):
    """Why the proxy must: docs/decisions/0025-granian.md. When this fails, granian has learned it."""
    told = echo.tell("GET /", "X-Forwarded-For: 198.51.100.7", "X_Forwarded_For: 192.0.2.1")
    assert told["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"
