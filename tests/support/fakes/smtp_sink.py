"""A mail relay on a real socket that keeps what it is given: enough of RFC 5321 for smtplib."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer

from tests.support.servers.threads import running_in_thread


class Conversation(StreamRequestHandler):
    server: "Relay"
    timeout = 5

    def handle(self) -> None:
        self.say("220 sink")
        for line in self.rfile:
            command = line.split(b":")[0].split()[0].upper()
            if command == b"DATA":
                self.take()
            elif command == b"QUIT":
                return self.say("221 bye")
            else:
                self.say(self.server.refusal if command == b"RCPT" and self.server.refusal else "250 ok")
        return None

    def take(self) -> None:
        self.say("354 go on")
        lines = list(iter(self.rfile.readline, b".\r\n"))
        self.server.received.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self.say("250 taken")

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class Relay(ThreadingTCPServer):
    """`refusal` is what it says to each recipient, when it takes none."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, refusal: str) -> None:
        super().__init__(("127.0.0.1", port), Conversation)
        self.received: list[EmailMessage] = []
        self.refusal = refusal


@contextmanager
def relay(port: int, refusal: str = "") -> Iterator[Relay]:
    server = Relay(port, refusal)
    with running_in_thread(server):
        yield server
