"""Talking to a source over the network: one deadline for all of it, TLS always verified, nothing tried twice.

Nothing is tried twice because a source that verifies codes burns them: the second answer would be a no.
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
from twofactor.sources.answers import SourceUnavailable, Tell

T = TypeVar("T")
PORTS = {"http": 80, "https": 443, "tcp": 9050, "tls": 9050}
SECURE = ("https", "tls")


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    secure: bool

    @classmethod
    def of(cls, url: str) -> "Address":
        """Raises ValueError when the URL has no known scheme, no host or no sound port."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("no scheme or no host")
        return cls(parts.hostname, parts.port or PORTS[parts.scheme], parts.scheme in SECURE)


class Wires:
    """The connections of one exchange, to be cut from outside."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ends: list[socket.socket] = []
        self._is_cut = False

    def add(self, connection: socket.socket) -> None:
        """Raises TimeoutError when it is too late."""
        with self._lock:
            if self._is_cut:
                raise TimeoutError
            self._ends.append(connection.dup())  # a descriptor of ours: TLS takes the first one away

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            for end in self._ends:
                with suppress(OSError):  # closed by the other side
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


def within_deadline(exchange: Callable[[Wires], T]) -> T:
    """What `exchange` returns. SourceUnavailable when it fails or takes longer than MELOTP_DEADLINE seconds.

    When time is over the connections are cut, which ends the thread of the exchange.
    """
    wires = Wires()
    try:
        return run_within(settings.MELOTP_DEADLINE, lambda: exchange(wires))
    except TimeoutError as error:
        raise SourceUnavailable("too_slow") from error
    except (OSError, HTTPException, UnicodeError) as error:
        raise SourceUnavailable(reason_of(error)) from error
    finally:
        wires.cut()


def reason_of(error: BaseException) -> str:
    """A fault's name, and what OpenSSL says of a certificate: its own words, nothing of the exchange."""
    said = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def connect(address: Address, wires: Wires, tell: Tell) -> socket.socket:
    """An open connection, over verified TLS where the address is secure. Raises OSError."""
    connection = socket.create_connection((address.host, address.port), settings.MELOTP_DEADLINE)
    try:
        wires.add(connection)
        tell("name", f"{address.host} is {connection.getpeername()[0]}")
        tell("connection", f"open on port {address.port}")
        return _over_tls(connection, address.host, tell) if address.secure else connection
    except BaseException:
        connection.close()
        raise


def _over_tls(connection: socket.socket, host: str, tell: Tell) -> socket.socket:
    context = tls_context(settings.MELOTP_CA, settings.MELOTP_CLIENT_CERTIFICATE_FILE)
    secured = context.wrap_socket(connection, server_hostname=host)
    certificate = secured.getpeercert() or {}
    tell("TLS", f"{secured.version()}, certificate good until {certificate.get('notAfter')}")
    return secured


@cache
def tls_context(ca: str, client_certificate: str) -> ssl.SSLContext:
    """TLS 1.2 or later, certificate and name verified. `ca`: PEM, the system's authorities when empty.

    `client_certificate`: the path of a PEM file with key and certificate. Raises OSError (SSLError is one).
    """
    context = ssl.create_default_context(cadata=ca or None)
    if client_certificate:
        context.load_cert_chain(
            client_certificate, password=""
        )  # an encrypted key fails instead of asking at a terminal
    return context
