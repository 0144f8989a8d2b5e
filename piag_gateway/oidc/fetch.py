"""Talking to Cerbère over HTTP, with a bound on everything: time, size, redirects (none is followed)."""

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

CONNECT_SECONDS = 2.0
EXCHANGE_SECONDS = 3.0  # from the connection to the last byte; a sign-in makes three exchanges, in under 10 s
MAXIMUM_BYTES = 256 * 1024  # a token answer or a key set is some kilobytes
# No compression: a bound on the size must be one on what is received.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}

log = structlog.stdlib.get_logger("piag.fetch")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def document(self) -> dict[str, Any]:
        """The JSON object that the body is; ProviderFault when it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ProviderFault("not_json") from error
        if not isinstance(value, dict):
            raise ProviderFault("not_an_object")
        return value


def fetch(method: str, url: str, **options: Any) -> Answer:
    """One exchange. ProviderUnavailable when it does not come to an end in time or ends in a 5xx.

    ProviderFault when the answer is too large or a redirect. Neither quotes what was sent or received.
    """
    try:
        answer = _exchange(method, url, options)
    except (requests.RequestException, OSError) as error:
        log.warning("provider.unreachable", url=url, error=type(error).__name__)
        raise ProviderUnavailable("unreachable") from error
    log.debug("provider.answered", url=url, status=answer.status)
    if answer.status >= 500:
        raise ProviderUnavailable(f"status_{answer.status}")
    if 300 <= answer.status < 400:
        raise ProviderFault("redirect")
    return answer


def _exchange(method: str, url: str, options: dict[str, Any]) -> Answer:
    with _watched(), requests.Session() as session:
        # Plain http stays on this machine (checks.py): no proxy of the environment has a part in it.
        session.trust_env = url.startswith("https://")
        session.mount("http://", _DeadlineAdapter())
        session.mount("https://", _DeadlineAdapter())
        bounds = {"timeout": (CONNECT_SECONDS, EXCHANGE_SECONDS), "stream": True, "allow_redirects": False}
        with session.request(method, url, **{"headers": HEADERS, **bounds, **options}) as response:
            return Answer(response.status_code, _bounded_body(response))


def _bounded_body(response: requests.Response) -> bytes:
    body = b""
    for chunk in response.iter_content(16 * 1024):
        body += chunk
        if len(body) > MAXIMUM_BYTES:
            raise ProviderFault("too_large")
    return body


_deadlines: ContextVar[list[Timer]] = ContextVar("deadlines")


@contextmanager
def _watched() -> Iterator[None]:
    """Within, every connection is cut EXCHANGE_SECONDS after it was made.

    The time-outs of sockets bound the wait for the next byte only: an answer that comes drop by drop, in its
    headers or its body, would last for ever.
    """
    deadlines: list[Timer] = []
    token = _deadlines.set(deadlines)
    try:
        yield
    finally:
        _deadlines.reset(token)
        for deadline in deadlines:
            deadline.cancel()


class _Deadline:
    sock: socket.socket | None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        deadline = Timer(EXCHANGE_SECONDS, _cut, [self.sock])
        deadline.daemon = True
        deadline.start()
        _deadlines.get().append(deadline)


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class _Connection(_Deadline, HTTPConnection):
    pass


class _TlsConnection(_Deadline, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _DeadlineAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class Bearer(requests.auth.AuthBase):
    """An access token in the header of RFC 6750 §2.1; given as `auth`, so that no .netrc replaces it."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request
