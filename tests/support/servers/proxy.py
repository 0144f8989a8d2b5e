"""A reverse proxy with a configuration of ours, as it stands but for its addresses and places; no right is needed."""

import datetime
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.http.cookie import parse_cookie

from accounts.sign_in import known_browser
from cerbere.provider.authorization import parked_requests
from tests.support.servers.piag import Browser, Piag

START_SECONDS = 10
SITES = ("localhost", "piag.test")
MADE_UP = ("X_Forwarded_For: 192.0.2.1", "X-Forwarded_For: 192.0.2.1", "X_Forwarded_Proto: http", "X_Made_Up: it")
COOKIE_NAMES = [
    f"__Host-{name}"
    for name in (
        settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME,
        known_browser.get_cookie_name(), parked_requests.get_cookie_name(),
    )
]  # fmt: skip


@dataclass(frozen=True)
class Proxy:
    port: int
    certificate: Path
    plain_port: int = 0
    log: Path = Path(os.devnull)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def browser(self, piag: Piag) -> Browser:
        """Return a browser that reaches PIAG, and what it guards, by this proxy."""
        browser = Browser(replace(piag, url=self.url))
        browser.trust_env = False  # a bundle of certificates named there would win
        browser.verify = str(self.certificate)
        return browser

    def connect(self, name: str = "localhost", protocol: str = "http/1.1", old: str = "") -> ssl.SSLSocket:
        """Connect by TLS; `old` are the ciphers of a client that knows TLS 1.2 only."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        trust.set_alpn_protocols([protocol])
        if old:
            trust.maximum_version = ssl.TLSVersion.TLSv1_2
            trust.set_ciphers(old)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return trust.wrap_socket(plain, server_hostname=name)

    @contextmanager
    def send_raw(self, line: str, *headers: str, host: str = "", body: bytes = b"") -> Iterator[ssl.SSLSocket]:
        """Yield the connection after sending this request as it is: clients would normalize the URL and headers."""
        lines = [f"{line} HTTP/1.1", f"Host: {host or f'localhost:{self.port}'}", *headers, "", ""]
        with self.connect() as connection:
            connection.sendall("\r\n".join(lines).encode() + body)
            yield connection

    def answer(self, line: str, *headers: str, host: str = "", body: bytes = b"") -> str:
        with self.send_raw(line, *headers, "Connection: close", host=host, body=body) as connection:
            return read_all(connection)

    def ask_without_tls(self, line: str, *headers: str, host: str = "localhost") -> str:
        """Send a request without TLS, and return the whole response."""
        with socket.create_connection(("127.0.0.1", self.plain_port), timeout=20) as connection:
            lines = [f"{line} HTTP/1.1", f"Host: {host}", *headers, "Connection: close", "", ""]
            connection.sendall("\r\n".join(lines).encode())
            return read_all(connection)


def read_all(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def parse_echo(answer: str) -> dict[str, Any]:
    """Return the request as the echo received it."""
    return dict(json.loads(answer.partition("\r\n\r\n")[2]))


def cookies(answer: str) -> dict[str, str]:
    return parse_cookie(parse_echo(answer).get("HTTP_COOKIE", ""))


def status(answer: str) -> int:
    return int(answer.split()[1])


@contextmanager
def running_proxy(words: list[str], place: Path, proxy: Proxy, **environment: str) -> Iterator[Proxy]:
    """Run the proxy by this command until the block ends."""
    with (place / "said").open("wb") as said:
        process = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT, env=os.environ | environment)
    try:
        if not is_listening(process, proxy.port):
            raise RuntimeError(f"{words[0]} did not start:\n{(place / 'said').read_text()}")
        yield proxy
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def adapt_configuration(source: Path, changes: dict[str, str]) -> str:
    configuration = source.read_text()
    for old, new in changes.items():
        assert old in configuration, f"{source} says no longer {old!r}"
        configuration = configuration.replace(old, new)
    return configuration


def make_certificate(place: Path, names: Iterable[str] = SITES) -> Path:
    """Make a certificate for these names, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    (place / "piag.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate = place / "piag.crt"
    certificate.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return certificate


def is_listening(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the port accepts connections; return False if the program ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return True
        except ConnectionRefusedError:
            time.sleep(0.05)
    return False
