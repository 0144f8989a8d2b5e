"""Debian's nginx with a configuration of ours, as it stands but for its addresses and places; no right is needed."""

import datetime
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.piag import ROOT, Browser, Piag, free_port

GATEWAY = ROOT / "docs/deploy/gateway-nginx.conf"
START_SECONDS = 10


@dataclass(frozen=True)
class Nginx:
    port: int
    certificate: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def browser(self, piag: Piag) -> Browser:
        """Somebody who reaches PIAG, and what it guards, by nginx."""
        browser = Browser(replace(piag, url=self.url))
        browser.trust_env = False  # a bundle of certificates named there would win
        browser.verify = str(self.certificate)
        return browser

    @contextmanager
    def sent(self, line: str, *headers: str) -> Iterator[ssl.SSLSocket]:
        """The connection, once this request has gone as it is: clients tidy up addresses and headers."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        lines = [f"{line} HTTP/1.1", f"Host: localhost:{self.port}", *headers, "", ""]
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        with trust.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall("\r\n".join(lines).encode())
            yield connection

    def answer(self, line: str, *headers: str) -> str:
        with self.sent(line, *headers, "Connection: close") as connection:
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@contextmanager
def running_nginx(place: Path, port: int, piag: str, application: str, more: str = "") -> Iterator[Nginx]:
    """The gateway's configuration at https://localhost:port in front of these two URLs, its files in `place`.

    `more` stands before what the file says of its upstreams.
    """
    certificate = make_certificate(place)
    configuration = place / "nginx.conf"
    changes = {**addresses(place, port, piag, application), "    upstream piag ": f"{more}\n    upstream piag "}
    configuration.write_text(adapted(changes))
    command = [program(), "-p", str(place), "-c", str(configuration), "-e", str(place / "error.log")]
    with (place / "stderr").open("wb") as said:
        process = subprocess.Popen([*command, "-g", f"daemon off; {as_root()}"], stderr=said)
    try:
        if not is_listening(process, port):
            raise RuntimeError(f"nginx did not start:\n{(place / 'stderr').read_text()}")
        yield Nginx(port, certificate)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def program() -> str:
    """Debian's place is not in everybody's PATH."""
    path = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert path, "nginx is missing: apt-get install nginx"
    return path


def as_root() -> str:
    """Its workers must reach a place that only the suite's own user may enter."""
    return "user root;" if os.geteuid() == 0 else ""


def addresses(place: Path, port: int, piag: str, application: str) -> dict[str, str]:
    return {
        "listen 80 ": f"listen 127.0.0.1:{free_port()} ",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "server_name piag.example.fr;": "server_name localhost;",
        "server 127.0.0.1:8001;": f"server {urlsplit(piag).netloc};",
        "server 127.0.0.1:8080;": f"server {urlsplit(application).netloc};",
        "/etc/ssl/private/piag": f"{place}/piag",
        "/run/nginx.pid": f"{place}/nginx.pid",
        "/var/lib/nginx": str(place),
        "/var/log/nginx": str(place),
    }


def adapted(changes: dict[str, str]) -> str:
    configuration = GATEWAY.read_text()
    for old, new in changes.items():
        assert old in configuration, f"{GATEWAY} says no longer {old!r}"
        configuration = configuration.replace(old, new)
    return configuration


def make_certificate(place: Path) -> Path:
    """For localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    (place / "piag.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate = place / "piag.crt"
    certificate.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return certificate


def is_listening(process: subprocess.Popen[bytes], port: int) -> bool:
    """Waits for it; false when nginx ends, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return True
        except ConnectionRefusedError:
            time.sleep(0.05)
    return False
