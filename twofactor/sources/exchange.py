"""Network exchanges with a source: one deadline for the whole exchange, TLS always verified, no second try.

A second try could never help: a source that verifies codes burns them, so its second answer would be a no.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings

from cerbere.core.deadlines import run_within
from twofactor.sources.contract import ReportStep, SourceUnavailable

T = TypeVar("T")
PORTS = {"http": 80, "https": 443, "tcp": 9050, "tls": 9050}
TLS_SCHEMES = ("https", "tls")


@dataclass(frozen=True)
class Endpoint:
    """The place where a source listens."""

    host: str
    port: int
    uses_tls: bool

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Return the endpoint of this URL. Raises ValueError without a known scheme, a host or a sound port."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("no scheme or no host")
        return cls(parts.hostname, parts.port or PORTS[parts.scheme], parts.scheme in TLS_SCHEMES)


class OpenConnections:
    """The open connections of one exchange, which another thread can cut."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def add(self, connection: socket.socket) -> None:
        """Remember this connection. Raises TimeoutError after `cut`."""
        with self._lock:
            if self._is_cut:
                raise TimeoutError
            self._sockets.append(connection.dup())  # a descriptor of our own: TLS takes the first one away

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            for connection in self._sockets:
                with suppress(OSError):  # closed by the other side
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()


def run_exchange(exchange: Callable[[OpenConnections], T]) -> T:
    """Return what `exchange` returns. Raises SourceUnavailable when it fails or takes longer than MELOTP_DEADLINE.

    At the end the connections are cut, so that the thread of an exchange that is too slow ends too.
    """
    connections = OpenConnections()
    try:
        return run_within(settings.MELOTP_DEADLINE, lambda: exchange(connections))
    except TimeoutError as error:
        raise SourceUnavailable("too_slow") from error
    except (OSError, HTTPException, UnicodeError) as error:
        raise SourceUnavailable(describe_fault(error)) from error
    finally:
        connections.cut()


def describe_fault(error: BaseException) -> str:
    """Return the name of a fault, with OpenSSL's own words about a certificate; nothing of the exchange."""
    reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


def connect(endpoint: Endpoint, connections: OpenConnections, report_step: ReportStep) -> socket.socket:
    """Open a connection, over verified TLS where the endpoint uses it. Raises OSError."""
    connection = socket.create_connection((endpoint.host, endpoint.port), settings.MELOTP_DEADLINE)
    try:
        connections.add(connection)
        report_step("name", f"{endpoint.host} is {connection.getpeername()[0]}")
        report_step("connection", f"open on port {endpoint.port}")
        return _start_tls(connection, endpoint.host, report_step) if endpoint.uses_tls else connection
    except BaseException:
        connection.close()
        raise


def _start_tls(connection: socket.socket, host: str, report_step: ReportStep) -> socket.socket:
    context = make_tls_context(settings.MELOTP_CA, settings.MELOTP_CLIENT_CERTIFICATE_FILE)
    secured = context.wrap_socket(connection, server_hostname=host)
    certificate = secured.getpeercert() or {}
    report_step("TLS", f"{secured.version()}, certificate good until {certificate.get('notAfter')}")
    return secured


@cache
def make_tls_context(ca: str, client_certificate: str) -> ssl.SSLContext:
    """Return a context for TLS 1.2 or later that verifies certificate and name. Raises OSError (SSLError is one).

    `ca`: PEM, the system's authorities when empty. `client_certificate`: the path of a PEM file with key and
    certificate.
    """
    context = ssl.create_default_context(cadata=ca or None)
    if client_certificate:
        context.load_cert_chain(
            client_certificate, password=""
        )  # an encrypted key fails instead of asking at a terminal
    return context
