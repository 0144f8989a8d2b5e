"""HTTP requests to Cerbère, with limits on their time and the size of the response. Redirects are not followed."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Timer
from typing import Any

import requests
import structlog
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from piag_gateway.faults import ProviderFault, ProviderUnavailable

CONNECT_TIMEOUT = 2.0  # seconds
# Seconds from the connection to the last byte. A sign-in makes three requests, which must end within 10 s together.
EXCHANGE_TIMEOUT = 3.0
MAXIMUM_BODY_SIZE = 256 * 1024  # bytes; a token response or a key set has some thousand
# Without compression, so that the limit on the body's size is also one on the bytes received.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}

log = structlog.stdlib.get_logger("piag.fetch")


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes

    def parse_json_object(self) -> dict[str, Any]:
        """Return the JSON object that the body holds; raise ProviderFault when it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ProviderFault("not_json") from error
        if not isinstance(value, dict):
            raise ProviderFault("not_an_object")
        return value


def fetch(method: str, url: str, **options: Any) -> Response:
    """Send one request and return its response. `options` are those of requests: `data`, `auth`.

    Raises ProviderUnavailable when there is no whole response in time or its status is 5xx, and ProviderFault when it
    is too large or a redirect. Neither exception nor log quotes what was sent or received.
    """
    try:
        response = _send(method, url, options)
    except (requests.RequestException, OSError) as error:
        log.warning("provider.unreachable", url=url, error=type(error).__name__)
        raise ProviderUnavailable("unreachable") from error
    log.debug("provider.answered", url=url, status=response.status)
    if response.status >= 500:
        raise ProviderUnavailable(f"status_{response.status}")
    if 300 <= response.status < 400:
        raise ProviderFault("redirect")
    return response


def _send(method: str, url: str, options: dict[str, Any]) -> Response:
    with _connections_with_deadline(), requests.Session() as session:
        # Plain http is only used on this machine (checks.py): no proxy that the environment names may see it.
        session.trust_env = url.startswith("https://")
        session.mount("http://", _DeadlineAdapter())
        session.mount("https://", _DeadlineAdapter())
        limits = {"timeout": (CONNECT_TIMEOUT, EXCHANGE_TIMEOUT), "stream": True, "allow_redirects": False}
        with session.request(method, url, **{"headers": HEADERS, **limits, **options}) as response:
            return Response(response.status_code, _read_limited_body(response))


def _read_limited_body(response: requests.Response) -> bytes:
    body = b""
    for chunk in response.iter_content(16 * 1024):
        body += chunk
        if len(body) > MAXIMUM_BODY_SIZE:
            raise ProviderFault("too_large")
    return body


_timers: ContextVar[list[Timer]] = ContextVar("timers")


@contextmanager
def _connections_with_deadline() -> Iterator[None]:
    """Shut down each connection of the block once it has been open for EXCHANGE_TIMEOUT seconds.

    Timeouts of sockets limit the wait for the next byte only: a response that comes byte by byte would never end.
    """
    timers: list[Timer] = []
    token = _timers.set(timers)
    try:
        yield
    finally:
        _timers.reset(token)
        for timer in timers:
            timer.cancel()


class _DeadlineMixin:
    sock: socket.socket | None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        timer = Timer(EXCHANGE_TIMEOUT, _shut_down, [self.sock])
        timer.daemon = True
        timer.start()
        _timers.get().append(timer)


def _shut_down(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class _Connection(_DeadlineMixin, HTTPConnection):
    pass


class _TlsConnection(_DeadlineMixin, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _DeadlineAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class BearerAuth(requests.auth.AuthBase):
    """Send an access token in the Authorization header (RFC 6750 §2.1).

    It is given to requests as `auth`, because requests replaces a plain header by the credentials of a .netrc file.
    """

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request
