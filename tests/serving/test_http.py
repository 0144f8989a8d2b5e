"""What the server takes from a socket for a request, and hands over as one."""

import time

import pytest
from django.http.cookie import parse_cookie

from tests.support.servers.serving import read_all, running_server

GET = ("GET / HTTP/1.1", "Host: here")
POST = ("POST /read HTTP/1.1", "Host: here")
CLOSE = "Connection: close"


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    with running_server("tests.support.fakes.echo", tmp_path_factory.mktemp("echo")) as server:
        yield server


def test_the_address_is_decoded_and_the_query_is_not(echo):
    told = echo.get_echo("GET /a%20b/%C3%A9%2F?x=%20y&z=%C3%A9+%zz")
    assert told["PATH_INFO"] == "/a b/é/".encode().decode("latin-1")  # as PEP 3333 wants it
    assert told["QUERY_STRING"] == "x=%20y&z=%C3%A9+%zz"
    assert told["SCRIPT_NAME"] == ""
    assert echo.get_echo("GET /%E9")["PATH_INFO"] == "/\xe9"
    assert echo.get_echo("GET //elsewhere.test/..")["PATH_INFO"] == "//elsewhere.test/.."


def test_who_asks_is_the_other_end_whatever_headers_say(echo):
    told = echo.get_echo("GET /", "Remote-Addr: 192.0.2.1", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https")
    assert (told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == ("127.0.0.1", "http")
    assert (told["HTTP_X_FORWARDED_FOR"], told["HTTP_X_FORWARDED_PROTO"]) == ("192.0.2.1", "https")


def test_headers_that_repeat_are_joined_in_order(echo):
    told = echo.get_echo(
        "GET /", "X-Forwarded-For: 192.0.2.1", "Cookie: a=1", "X-Forwarded-For: 192.0.2.2", "Cookie: b=2"
    )
    assert told["HTTP_X_FORWARDED_FOR"].replace(" ", "") == "192.0.2.1,192.0.2.2"
    assert parse_cookie(told["HTTP_COOKIE"]) == {"a": "1", "b": "2"}
    assert echo.get_echo("GET /", "Host: elsewhere")["HTTP_HOST"] == "here,elsewhere"  # which is no name of ours


def test_an_address_with_a_host_changes_no_host(echo):
    told = echo.get_echo("GET http://elsewhere.test/page?x=1")
    assert (told["HTTP_HOST"], told["PATH_INFO"], told["QUERY_STRING"]) == ("here", "/page", "x=1")


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /", "Host: here"),
        ("GET /a b HTTP/1.1", "Host: here"),
        ("GET /\0 HTTP/1.1", "Host: here"),
        ("GET / HTTP/1.2", "Host: here"),
        ("FROB@ / HTTP/1.1", "Host: here"),
        (*GET, "X-A: b", " folded"),
        (*GET, "X-A: b\0c"),
        (*GET, "X\0A: b"),
        (*GET, "X-A: b\rX-B: c"),
        (*GET, "X A: b"),
        (*GET, ": b"),
        (*POST, "Content-Length: 0", "Content-Length: 3"),
        (*POST, "Content-Length: 3, 3"),
        (*POST, "Content-Length: +3"),
        (*POST, "Content-Length: -3"),
        (*POST, "Content-Length: abc"),
        (*POST, "Content-Length: 0x3"),
        (*POST, f"Content-Length: {10**30}"),
        (*POST, "Transfer-Encoding : chunked"),
        (*POST, "Transfer-Encoding: identity", "Content-Length: 3"),
        (*POST, "Transfer-Encoding: xchunked"),
        ("POST /read HTTP/1.0", "Host: here", "Transfer-Encoding: chunked"),
    ],
)
def test_a_head_that_two_servers_may_read_otherwise_is_refused(echo, lines):
    given = echo.raw(*lines, body=b"abc")
    assert given.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert given.count("HTTP/1.1") == 1


def test_neither_http_2_nor_tunnels(echo):
    assert "HTTP/1.1 200" not in echo.raw("PRI * HTTP/2.0", "", "SM", "")
    assert echo.raw("CONNECT elsewhere.test:443 HTTP/1.1", "Host: here") == ""


@pytest.mark.parametrize("first", ["Content-Length: 6", "Transfer-Encoding: chunked"])
def test_two_lengths_smuggle_nothing(echo, first):
    both = sorted(["Content-Length: 6", "Transfer-Encoding: chunked"], key=lambda header: header != first)
    given = echo.raw(*POST, *both, body=b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: here\r\n\r\n")
    assert given.count("HTTP/1.1") == 1
    assert "smuggled" not in given


def test_heads_have_a_limit(echo):
    assert len(echo.get_echo(f"GET /?{'x' * 8170}")["QUERY_STRING"]) == 8170  # with a long state, nonce and claims
    assert echo.raw(f"GET /?{'x' * 65536} HTTP/1.1", "Host: here").startswith("HTTP/1.1 414 ")
    assert echo.raw(*GET, *(f"X-{n}: {'x' * 2000}" for n in range(70))).startswith("HTTP/1.1 431 ")
    assert echo.raw(*GET, *(f"X-{n}: x" for n in range(110))).startswith("HTTP/1.1 431 ")


def test_answers_without_a_body_have_none(echo):
    head, _, body = echo.raw("HEAD / HTTP/1.1", "Host: here", CLOSE).partition("\r\n\r\n")
    assert ("content-length: " in head, body) == (True, "")
    head, _, body = echo.raw("GET /304 HTTP/1.1", "Host: here", CLOSE).partition("\r\n\r\n")
    assert (head.partition("\r\n")[0], 'etag: "x"' in head, body) == ("HTTP/1.1 304 Not Modified", True, "")


def test_the_server_tells_its_name_only(echo):
    head = echo.raw(*GET, CLOSE).partition("\r\n\r\n")[0]
    assert [line for line in head.splitlines() if line.startswith("server:")] == ["server: granian"]


def test_bodies_with_a_length_or_in_chunks(echo):
    assert echo.get_echo("POST /read", "Content-Length: 3", body=b"abc")["body"] == "abc"
    chunks = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    told = echo.get_echo("POST /read", "Transfer-Encoding: chunked", body=chunks)
    assert (told["body"], told.get("CONTENT_LENGTH"), told.get("HTTP_TRAILER")) == ("abcde", None, None)


def test_a_client_that_waits_for_a_sign_gets_it(echo):
    with echo.send_raw(*POST, CLOSE, "Expect: 100-continue", "Content-Length: 3") as connection:
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert '"body": "abc"' in read_all(connection)


def test_a_body_that_nobody_reads_is_not_taken(echo):
    with echo.send_raw("POST / HTTP/1.1", "Host: here", "Content-Length: 100000000") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            connection.sendall(b"x" * 99_000_000)


def test_what_follows_an_unread_body_is_the_next_request(echo):
    given = echo.raw("POST / HTTP/1.1", "Host: here", "Content-Length: 3", body=b"abcGET /2 HTTP/1.1\r\nHost: h\r\n" + (
        CLOSE.encode() + b"\r\n\r\n"))  # fmt: skip
    assert given.count("HTTP/1.1 200 OK") == 2
    assert '"PATH_INFO": "/2"' in given


def test_clients_that_leave_early_cost_nothing(echo):
    for _ in range(30):
        echo.send_raw(*POST, "Content-Length: 100", body=b"abc").close()
        echo.send_raw("GET /wait?0.05 HTTP/1.1", "Host: here").close()
    start = time.monotonic()
    assert echo.get_echo("GET /")["body"] == ""
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"])
def test_a_client_that_does_not_go_on_is_left(tmp_path, sent):
    with (
        running_server("tests.support.fakes.echo", tmp_path, GRANIAN_HTTP1_HEADER_READ_TIMEOUT="300") as server,
        server.send_raw() as connection,
    ):
        connection.sendall(sent)
        read_all(connection)  # which would end after PATIENCE otherwise, as an error
