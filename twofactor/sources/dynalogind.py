"""The daemon dynalogind: a greeting, then one line for each question, one line for each answer.

S: 220 …
C: UDATA TOTP <user> <code>
S: 250 … | 401 … | 500 …
C: QUIT
"""

import re
import socket
from contextlib import closing, suppress

from django.conf import settings

from twofactor.sources.answers import CODE, DelegatedSource, RecordUnusable, SourceUnavailable, State, Told, sendable
from twofactor.sources.exchange import Address, Wires, connect, within_deadline

LINE_BYTES = 512  # the daemon's own lines have some tens
REPLY = re.compile(rb"([0-9]{3})(?: [^\r\n]*)?\r?\n")
READY, RIGHT, WRONG = b"220", b"250", b"401"


class DynalogindSource(Told, DelegatedSource):
    """Codes are verified, and burnt, by the daemon at MELOTP_URL (tcp:// or tls://)."""

    def look_up(self, uid: str) -> tuple[State, None]:
        """As DelegatedSource.look_up, but the daemon cannot be asked whether an account exists.

        PRESENT means that it greets: an agent without an account there learns it by a refused code.
        """
        if not sendable(uid):
            return State.UNSUPPORTED, None
        within_deadline(lambda wires: self._ask(wires, None))
        return State.PRESENT, None

    def verify(self, uid: str, code: str) -> bool:
        """As DelegatedSource.verify."""
        if not (sendable(uid) and CODE.fullmatch(code)):
            raise RecordUnusable("not_sendable")  # the line is split on spaces: more words would be commands
        reply = within_deadline(lambda wires: self._ask(wires, f"UDATA TOTP {uid} {code}\n"))
        if reply not in (RIGHT, WRONG):
            raise SourceUnavailable("neither_yes_nor_no")
        return reply == RIGHT

    def _ask(self, wires: Wires, question: str | None) -> bytes:
        with closing(connect(Address.of(settings.MELOTP_URL), wires, self.tell)) as connection:
            reply = _read(connection)
            self.tell("greeting", reply.decode())
            if reply != READY:
                raise SourceUnavailable("does_not_greet")
            if question:
                connection.sendall(question.encode())
                reply = _read(connection)
            with suppress(OSError):  # it has answered: who hangs up first does not matter
                connection.sendall(b"QUIT\n")
            return reply


def _read(connection: socket.socket) -> bytes:
    """The number of one reply. More than one line at once was sent before the question: nobody may rely on it."""
    received = b""
    while b"\n" not in received and len(received) <= LINE_BYTES:
        part = connection.recv(LINE_BYTES)
        if not part:
            raise SourceUnavailable("closed_before_the_end")
        received += part
    match = REPLY.fullmatch(received)
    if match is None:
        raise SourceUnavailable("not_a_reply")
    return match[1]
