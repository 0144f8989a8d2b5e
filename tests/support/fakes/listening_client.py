"""An application's back-channel logout endpoint on a real socket, that answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from tests.support.servers.threads import running_in_thread


class ListeningClient(ThreadingHTTPServer):
    """`received` holds the logout tokens; `status` is what it answers, None: it hangs until `close`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[str] = []
        self.status: int | None = 200
        self.trickles = False
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/logout"


class _Handler(BaseHTTPRequestHandler):
    server: ListeningClient

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.received.append(parse_qs(body)["logout_token"][0])
        if self.server.trickles:
            for byte in b"HTTP/1.1 200 OK\r\n":
                self.wfile.write(bytes([byte]))
                if self.server.released.wait(0.2):
                    return
        if self.server.status is None:
            self.server.released.wait(30)
            return
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def listening_client() -> Iterator[ListeningClient]:
    server = ListeningClient()
    with running_in_thread(server):
        try:
            yield server
        finally:
            server.released.set()
