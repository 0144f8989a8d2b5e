"""The Bnum on real sockets: its daemon here, web service and JSON in fake_bnum_http. `mode` makes it misbehave.

    with fake_bnum.dynalogind(bnum) as url: …

`bnum` holds the secrets, checks codes as dynalogin does (±2 steps, its own memory of what was used) and remembers
every question in `asked`. With `certificate`, a PEM file, the server speaks TLS.
"""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from tests.support.people import CAMILLE_SECRET
from tests.support.servers.threads import running_in_thread
from twofactor.codes import find_matching_steps
from twofactor.sources import SourceUnavailable

WINDOW = 2  # steps on each side, as dynalogin's default
DEADLINE = 0.3  # seconds that Cerbère gives it, unless a test says otherwise
PATIENCE = 10  # seconds; longer than any client may wait
HTML = "<!DOCTYPE html><title>Maintenance</title><p>De retour à 14 h"


@dataclass
class FakeBnum:
    secrets: dict[str, str] = field(default_factory=dict)  # uid → raw secret
    mode: str = "good"
    asked: list[str] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)  # uid → last step
    connections: int = 0
    answer: dict[str, Any] = field(default_factory=dict)  # members of an answer that replace the good ones
    over: threading.Event = field(default_factory=threading.Event)

    def is_right(self, uid: str, code: str) -> bool:
        """Tell whether dynalogin would accept the code now; if so the code is burnt."""
        if uid not in self.secrets:
            return False
        now = int(time.time()) // 30
        near = find_matching_steps(self.secrets[uid].encode(), code, range(now - WINDOW, now + WINDOW + 1))
        fresh = [step for step in near if step > self.used.get(uid, 0)]
        if fresh:
            self.used[uid] = fresh[0]
        return bool(fresh)


def set_up(settings: Any, source: str, deadline: float = DEADLINE) -> FakeBnum:
    """Return a Bnum that knows Camille, and set this source up to ask it; none of its servers runs yet."""
    settings.MELOTP_SOURCE, settings.MELOTP_DEADLINE = source, deadline
    return FakeBnum({"camille.durand": CAMILLE_SECRET})


class Handler(StreamRequestHandler):
    """The faults that every server of the Bnum may have, in any protocol."""

    bnum: FakeBnum

    def handle(self) -> None:
        self.bnum.connections += 1
        with suppress(OSError):  # the client has hung up, as it should
            self.serve()

    def serve(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def slow(self) -> None:
        self.bnum.over.wait(PATIENCE)

    def drip(self, start: bytes = b"") -> None:
        """Send a byte now and then without end, which no time-out for a single byte stops."""
        self.wfile.write(start)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not self.bnum.over.wait(0.05):
            self.wfile.write(b"x")

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def send(self, text: str) -> None:
        self.wfile.write(text.encode())


class Daemon(Handler):
    """Modes with `late_` in front begin after the greeting."""

    def serve(self) -> None:
        getattr(self, self.bnum.mode, self.talk)()

    def talk(self) -> None:
        self.send("220 dynalogin ready\n")
        while (line := self.rfile.readline(600).decode()) and line != "QUIT\n":
            self.bnum.asked.append(line)
            self.reply(line)

    def reply(self, line: str) -> None:
        late = getattr(self, self.bnum.mode.removeprefix("late_"), None)
        if late:
            late()
            return
        words = line.strip().split(" ")
        right = words[:2] == ["UDATA", "TOTP"] and len(words) == 4 and self.bnum.is_right(*words[2:])
        self.send("250 OK\n" if right else "401 Unauthorized\n")

    def error(self) -> None:
        self.send("500 Internal error\n")

    def html(self) -> None:
        self.send(HTML)

    def empty(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def huge(self) -> None:
        while not self.bnum.over.is_set():
            self.send("2" * 4096)

    def garbage(self) -> None:
        self.wfile.write(b"\x16\x03\x01\x00\xff\xfe\n")

    def hasty(self) -> None:
        """Send an acceptance before the client has asked anything."""
        self.send("220 dynalogin ready\n250 OK\n")
        self.rfile.readline()

    def other(self) -> None:
        self.send("251 User not local\n")

    def longer(self) -> None:
        self.send("2500 OK\n")


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    context: ssl.SSLContext | None = None

    def get_request(self) -> Any:
        connection, address = super().get_request()
        if self.context:
            connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, *_: Any) -> None:
        """Ignore the error: a client that distrusts the certificate hangs up."""


@contextmanager
def serving(
    handler: type[Handler], bnum: FakeBnum, certificate: Path | None = None, client_ca: str = ""
) -> Iterator[str]:
    """Run a server, which may demand a certificate of `client_ca` (PEM), and yield its `localhost:port`."""
    server = _Server(("127.0.0.1", 0), type("Bound", (handler,), {"bnum": bnum}))
    if certificate:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate)
    if client_ca:
        server.context.load_verify_locations(cadata=client_ca)
        server.context.verify_mode = ssl.CERT_REQUIRED
    with running_in_thread(server):
        try:
            yield f"localhost:{server.server_address[1]}"
        finally:
            bnum.over.set()


@contextmanager
def dynalogind(bnum: FakeBnum, certificate: Path | None = None) -> Iterator[str]:
    with serving(Daemon, bnum, certificate) as place:
        yield f"{'tls' if certificate else 'tcp'}://{place}"


@contextmanager
def delegating(settings: Any, deadline: float = DEADLINE) -> Iterator[FakeBnum]:
    """Run the Bnum's daemon, set Cerbère up to have it check the codes, and yield the Bnum."""
    bnum = set_up(settings, "dynalogind", deadline)
    with dynalogind(bnum) as settings.MELOTP_URL:
        yield bnum


@contextmanager
def unavailable_in_time(caplog: pytest.LogCaptureFixture, *secrets: str) -> Iterator[None]:
    """Check that the block finds its source unavailable before the deadline, and that no secret is logged."""
    start = time.monotonic()
    with pytest.raises(SourceUnavailable):
        yield
    assert time.monotonic() - start < DEADLINE + 10  # of a busy machine: what is shown is that it ends
    assert "source_unavailable" in caplog.text
    assert not [secret for secret in secrets if secret in caplog.text]
