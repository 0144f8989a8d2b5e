"""The server behind the proxies that the documents give: what a client makes up does not pass for the proxy's word."""

import re
import ssl

import pytest
from django.conf import settings
from django.urls import reverse

from tests.support.servers.haproxy import haproxy_in_front
from tests.support.servers.nginx import nginx_in_front, running_nginx
from tests.support.servers.programs import free_port
from tests.support.servers.proxy import COOKIE_NAMES, MADE_UP, cookies, parse_echo, read_all, status
from tests.support.servers.serving import running_server

FORWARDED = ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "X-Forwarded-For: 192.0.2.2")
WORDS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")


@pytest.fixture(scope="module")
def piag(tmp_path_factory):
    with running_server("tests.support.fakes.echo", tmp_path_factory.mktemp("piag"), "--workers=1") as server:
        yield server


@pytest.fixture(scope="module", params=[nginx_in_front, haproxy_in_front], ids=["nginx", "haproxy"])
def proxy(request, echo, piag, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("proxy"), echo.port, piag.port) as proxy:
        yield proxy


def test_names_with_underscores_stop_at_the_proxy(proxy):
    heard = parse_echo(proxy.answer("GET /?a=%20b", *MADE_UP, *FORWARDED))
    assert [heard[name] for name in WORDS] == ["127.0.0.1", "https"]
    assert "HTTP_X_MADE_UP" not in heard
    assert (heard["HTTP_HOST"], heard["QUERY_STRING"]) == (f"localhost:{proxy.port}", "a=%20b")


def test_what_else_a_client_says_of_its_way_is_not_passed_on(proxy):
    lines = ["X-Forwarded-Host: evil.test", "X-Forwarded-Port: 1", "Forwarded: for=192.0.2.1;proto=http"]
    heard = parse_echo(proxy.answer("GET /", *lines, "Upgrade: h2c"))
    assert not {"HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "HTTP_FORWARDED", "HTTP_UPGRADE"} & set(heard)


def test_a_neighbour_s_cookie_does_not_hide_ours(proxy):
    ours = {name: f"v-{number}" for number, name in enumerate(COOKIE_NAMES)}
    sent = "; ".join(["of_a_neighbour=é", *(f"{name}={value}" for name, value in ours.items()), "another=ü"])
    assert cookies(proxy.answer("GET /", f"Cookie: {sent}")) == ours


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("{}=1", {"{}": "1"}),
        ("a=b;{}=1;c=d", {"{}": "1"}),
        ('a="; {}=1; b="', {"{}": "1"}),
        ("{}=é; __Host-cerbere_csrf=2", {"__Host-cerbere_csrf": "2"}),
        ("a=b", {}),
        ("a=1,{}=2", {}),
        ('a="{}=2"', {}),
        ("x{0}=1; {0}x=2; {0} =3; a={0}=4", {}),
    ],
)
def test_a_cookie_is_ours_by_its_whole_name(proxy, sent, kept):
    answer = proxy.answer("GET /", f"Cookie: {sent.format(COOKIE_NAMES[0])}")
    assert cookies(answer) == {name.format(COOKIE_NAMES[0]): value for name, value in kept.items()}


def test_each_program_has_its_name_and_nothing_else_has_one(proxy, echo, piag):
    pids = [str(parse_echo(proxy.answer("GET /", host=host))["pid"]) for host in ("LOCALHOST:443", "piag.test")]
    assert [[pids[0]], [pids[1]]] == [echo.workers, piag.workers]
    for host in ("elsewhere.test", "localhost.elsewhere.test", "notlocalhost", "localhost, elsewhere.test"):
        assert status(proxy.answer("GET /", host=host)) in {400, 421}
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        proxy.connect("elsewhere.test")


def test_tls_has_forward_secrecy_whatever_the_client_prefers(proxy):
    with proxy.connect(old="ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256") as connection:
        assert connection.cipher()[0] == "ECDHE-ECDSA-AES128-GCM-SHA256"
        assert not connection.session.has_ticket  # whose key would open them all
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        proxy.connect(old="ECDHE-ECDSA-AES128-SHA")


def test_who_comes_without_tls_is_sent_there(proxy):
    head = proxy.ask_without_tls("POST /page?a=b", "Content-Length: 0", host="piag.test").lower()
    assert head.startswith("http/1.1 308 ")
    assert "\r\nlocation: https://piag.test/page?a=b\r\n" in head


@pytest.mark.parametrize("host", ["localhost", "piag.test"])
@pytest.mark.parametrize("path", ["/metrics", "/metrics?a", "/%6Detrics", "/metric%73", "https://{}/metrics"])
def test_metrics_are_not_public(proxy, host, path):
    assert status(proxy.answer(f"GET {path.format(host)}", host=host)) == 404


@pytest.mark.parametrize("path", ["/metrics#a", "//metrics", "/./metrics", "/metrics/", "/metrics%3f", "/%256Detrics"])
def test_no_other_spelling_is_that_of_metrics_behind_the_proxy(proxy, path):
    answer = proxy.answer(f"GET {path}")
    assert status(answer) in {400, 404} or parse_echo(answer)["PATH_INFO"] != "/metrics"


@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
def test_no_tunnels(proxy, method):
    assert status(proxy.answer(f"{method} localhost:443", host="localhost:443")) in {400, 405}


def test_bodies_have_a_limit(proxy):
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    heard = parse_echo(proxy.answer("POST /read", f"Content-Length: {most}", body=b"x" * most))
    assert (heard["body"], heard["CONTENT_LENGTH"]) == ("x" * most, f"{most}")
    assert status(proxy.answer("POST /read", f"Content-Length: {most + 1}", body=b"x" * (most + 1))) == 413


@pytest.mark.parametrize(("more", "code"), [(0, 200), (1, 413)])
def test_the_file_of_an_import_may_be_longer(proxy, more, code):
    length = settings.FILE_UPLOAD_MAX_MEMORY_SIZE + more
    line = f"POST {reverse('admin:import_agents')}?read"
    assert status(proxy.answer(line, f"Content-Length: {length}", body=b"x" * length)) == code


def test_one_address_begins_so_many_authorizations(proxy):
    lines = ["GET /oidc/authorize HTTP/1.1", f"Host: localhost:{proxy.port}"]
    with proxy.connect() as connection:
        connection.sendall(("\r\n".join([*lines, "", ""]) * 299).encode())
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answers = re.findall(r"HTTP/1.1 (\d+)", read_all(connection))
    assert set(answers[:100]) == {"200"}
    assert (len(answers), answers[-1], status(proxy.answer("GET /"))) == (300, "429", 200)


def test_a_neighbour_s_cookie_does_not_hide_that_of_piag(proxy, echo, tmp_path):
    sent = "Cookie: of_the_application=é; __Host-piag_session=one; __Host-piag_csrf=two; x=ü"
    kept = {"__Host-piag_session": "one", "__Host-piag_csrf": "two"}
    assert cookies(proxy.answer("GET /", sent, host="piag.test")) == kept
    upstream = f"http://127.0.0.1:{echo.port}"
    with running_nginx(tmp_path, free_port(), upstream, upstream) as gateway:
        assert cookies(gateway.answer("GET /healthz", sent)) == kept


def test_names_with_underscores_stop_at_the_gateways_proxy(echo, tmp_path):
    upstream = f"http://127.0.0.1:{echo.port}"
    with running_nginx(tmp_path, free_port(), upstream, upstream) as nginx:
        heard = parse_echo(nginx.answer("GET /healthz", *MADE_UP))
    assert "HTTP_X_MADE_UP" not in heard
    assert [heard[name] for name in WORDS] == ["127.0.0.1", "https"]


def test_the_server_itself_loses_a_header_beyond_ascii(echo):
    """Why the proxy must pass our cookies only. When this fails, granian has learned it."""
    assert echo.get_echo("GET /", "Cookie: a=é; b=c")["HTTP_COOKIE"] == ""


def test_the_server_itself_does_not_tell_such_names_apart(echo):
    """Why the proxy must: docs/decisions/0025-granian.md. When this fails, granian has learned it."""
    heard = echo.get_echo("GET /", "X-Forwarded-For: 198.51.100.7", "X_Forwarded_For: 192.0.2.1")
    assert heard["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"
