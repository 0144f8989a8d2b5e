"""What HAProxy must be told, because it does less than nginx by itself; test_proxy.py has what both hold."""

import json

import pytest

from tests.support.servers import http2
from tests.support.servers.haproxy import haproxy_in_front, running_haproxy
from tests.support.servers.proxy import COOKIE_NAMES, MADE_UP, parse_echo, read_all, status

SESSION = f"Cookie: {COOKIE_NAMES[0]}=1"
LEFT = " sites/<NOSRV> "  # in the log: no node was given this request


@pytest.fixture(scope="module")
def haproxy(echo, tmp_path_factory):
    with haproxy_in_front(tmp_path_factory.mktemp("haproxy"), echo.port, echo.port) as haproxy:
        yield haproxy


def asked(haproxy, *request, body=b""):
    with haproxy.connect(protocol="h2") as connection:
        code, answer = http2.ask(connection, *request, body=body)
    return code, json.loads(answer or "{}")


def test_a_header_beyond_ascii_is_dropped_with_all_that_is_not_needed(haproxy):
    heard = parse_echo(
        haproxy.answer("GET /", "X-Of-A-Neighbour: é", "Accept-Language: fr", "Referer: https://é.test", SESSION)
    )
    kept = {name for name in heard if name.startswith("HTTP_")} - {"HTTP_CONNECTION"}
    assert kept == {
        "HTTP_HOST", "HTTP_COOKIE", "HTTP_ACCEPT_LANGUAGE", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"
    }  # fmt: skip
    assert "" not in {heard[name] for name in kept}
    heard = parse_echo(haproxy.answer("POST /read", "X-A: é", "Content-Length: 3", "Content-Type: a/b", body=b"abc"))
    assert [heard[name] for name in ("body", "CONTENT_LENGTH", "CONTENT_TYPE")] == ["abc", "3", "a/b"]


def test_other_requests_keep_their_headers(haproxy):
    heard = parse_echo(haproxy.answer("GET /", "X-Of-A-Neighbour: e", "Referer: https://e.test", SESSION))
    assert (heard["HTTP_X_OF_A_NEIGHBOUR"], heard["HTTP_REFERER"]) == ("e", "https://e.test")


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Origin", "Accept-Language"])
def test_a_header_that_is_needed_is_refused_beyond_ascii(haproxy, name):
    assert status(haproxy.answer("GET /", f"{name}: é")) == 400


def test_a_forged_word_of_the_proxy_beyond_ascii_is_overwritten_first(haproxy):
    heard = parse_echo(haproxy.answer("GET /", "X-Forwarded-For: é", "X-Forwarded-Proto: é", "User-Agent: me"))
    assert [heard[f"HTTP_{name}"] for name in ("X_FORWARDED_FOR", "X_FORWARDED_PROTO", "USER_AGENT")] == [
        "127.0.0.1", "https", "me"
    ]  # fmt: skip


def test_cookies_come_in_one_header(haproxy):
    assert status(haproxy.answer("GET /", SESSION, "Cookie: a=b")) == 400
    assert "HTTP_COOKIE" not in parse_echo(haproxy.answer("GET /", "Cookie: a=b"))
    assert "HTTP_COOKIE" not in parse_echo(haproxy.answer("GET /"))


def test_a_connection_to_a_node_carries_one_request(haproxy):
    """So nothing of one agent is before or behind what another one sends, and a node that ends cuts nobody off."""
    with haproxy.send_raw("GET /") as connection:
        assert b'"HTTP_CONNECTION": "close"' in connection.recv(65536)


def test_http_2_has_the_same_rules(haproxy):
    crumbs = [
        ("cookie", "a=é"),
        ("cookie", f"{COOKIE_NAMES[0]}=1"),
        ("cookie", "b=2"),
        ("cookie", f"{COOKIE_NAMES[1]}=2"),
    ]
    made_up = [tuple(line.lower().split(": ")) for line in MADE_UP]
    code, heard = asked(haproxy, "GET", "/?a", *crumbs, *made_up, ("x-odd", "é"), ("x-forwarded-for", "192.0.2.1"))
    assert (code, heard["QUERY_STRING"], heard["HTTP_COOKIE"]) == (
        200,
        "a",
        f"{COOKIE_NAMES[0]}=1; {COOKIE_NAMES[1]}=2",
    )
    assert (heard["HTTP_X_FORWARDED_FOR"], heard["HTTP_X_FORWARDED_PROTO"]) == ("127.0.0.1", "https")
    assert not {"HTTP_X_ODD", "HTTP_X_MADE_UP"} & set(heard)
    assert asked(haproxy, "GET", "/%6Detrics")[0] == 404
    assert asked(haproxy, "GET", "/", ("authorization", "é"))[0] == 400


def test_a_body_without_a_length_is_refused(haproxy):
    """The programs would take it for none."""
    chunks = b"3\r\nabc\r\n0\r\n\r\n"
    assert status(haproxy.answer("POST /read", "Transfer-Encoding: chunked", body=chunks)) == 411
    assert status(haproxy.answer("POST /", "Content-Length: 3", "Transfer-Encoding: chunked", body=chunks)) == 411
    assert status(haproxy.answer("GET /", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")) == 411
    assert asked(haproxy, "POST", "/read", body=b"abc")[0] == 411
    assert asked(haproxy, "POST", "/read", ("content-length", "3"), body=b"abc")[1]["body"] == "abc"


@pytest.mark.parametrize("length", [2**32 + 1, 2**31, 1_000_000])
def test_a_length_beyond_counting_is_refused_at_once(haproxy, length):
    assert status(haproxy.answer("POST /read", f"Content-Length: {length}")) == 413


def test_http_2_has_the_same_limit(haproxy):
    for length, code in ((65536, 200), (65537, 413)):
        assert asked(haproxy, "POST", "/read", ("content-length", f"{length}"), body=b"x" * length)[0] == code


def test_heads_are_as_long_as_the_nodes_take_them(haproxy):
    query = "x" * 32768
    assert parse_echo(haproxy.answer(f"GET /oidc/authorize?{query}"))["QUERY_STRING"] == query
    assert parse_echo(haproxy.answer("GET /", f"X-A: {query}"))["HTTP_X_A"] == query
    assert status(haproxy.answer("GET /", f"X-A: {query * 2}")) == 431


@pytest.mark.parametrize(
    "sent", [b"GET / HT", b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"]
)
def test_a_slow_client_is_left_before_a_node_is_given_anything(echo, tmp_path, sent):
    changes = {"timeout http-request 10s": "timeout http-request 300ms", "for-body time 20s": "for-body time 300ms"}
    nodes = (echo.port, echo.port)
    with running_haproxy(tmp_path, nodes, nodes, **changes) as haproxy, haproxy.connect() as connection:
        connection.sendall(sent)
        assert status(read_all(connection)) == 408
        assert LEFT in haproxy.wait_for_log(" 408 ")


def test_the_log_holds_neither_queries_nor_referers(haproxy):
    lines = ("Referer: https://e.test/?canary", "User-Agent: canary", "Cookie: canary=1")
    haproxy.answer("GET /oidc/callback/?code=canary", *lines)
    assert " cerbere/cerbere" in haproxy.wait_for_log(" GET /oidc/callback/ 200 ")
    haproxy.answer("GET http://localhost/page?canary", *lines, host="localhost")
    haproxy.wait_for_log(" GET /page 200 ")
    haproxy.answer("GET /broken?canary=é", *lines)
    haproxy.wait_for_log(" 400 ")
    haproxy.ask_without_tls("GET /plain?canary", *lines)
    haproxy.wait_for_log(" GET /plain 308 ")
    assert "canary" not in haproxy.log.read_text()
