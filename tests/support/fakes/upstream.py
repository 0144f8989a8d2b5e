"""An application behind the gateway, on a real socket: it shows what reached it, and speaks WebSocket."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.servers.threads import running_in_thread

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


class Upstream(ThreadingHTTPServer):
    """`seen` holds the path of every request that came through."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[str] = []
        self.headers: dict[str, str] = {}  # more headers of the next answers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Upstream
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        if self.headers["Upgrade"] == "websocket":
            self.echo()
        else:
            self.show(self.rfile.read(int(self.headers["Content-Length"] or 0)))

    def do_POST(self) -> None:
        self.do_GET()

    def show(self, body: bytes) -> None:
        shown = {"path": self.path, "headers": self.headers.items(), "length": len(body)}
        answer = json.dumps(shown).encode()
        self.send_response(200)
        for name, value in {"Content-Length": str(len(answer)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def echo(self) -> None:
        """Complete the opening handshake (RFC 6455 §4.2.2), then echo every byte: frames do not matter here."""
        accepted = hashlib.sha1(f"{self.headers['Sec-WebSocket-Key']}{MAGIC}".encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accepted).decode())
        self.end_headers()
        while data := self.connection.recv(4096):
            self.connection.sendall(data)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    server = Upstream()
    with running_in_thread(server):
        yield server
