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

from twofactor.sources.contract import (
    CODE,
    DelegatedSource,
    RecordUnusable,
    SourceUnavailable,
    State,
    StepReporter,
    is_sendable,
)
from twofactor.sources.exchange import Endpoint, OpenConnections, connect, run_exchange

LINE_BYTES = 512  # the daemon's own lines have some tens
REPLY = re.compile(rb"([0-9]{3})(?: [^\r\n]*)?\r?\n")
READY, RIGHT, WRONG = b"220", b"250", b"401"


class DynalogindSource(StepReporter, DelegatedSource):
    """Codes are verified, and burnt, by the daemon at MELOTP_URL (tcp:// or tls://)."""

    def look_up(self, uid: str) -> tuple[State, None]:
        """Look up as DelegatedSource does, but the daemon cannot be asked whether an account exists.

        PRESENT means that it greets: an agent without an account there learns it by a refused code.
        """
        if not is_sendable(uid):
            return State.UNSUPPORTED, None
        run_exchange(lambda connections: self._exchange(connections, None))
        return State.PRESENT, None

    def verify(self, uid: str, code: str) -> bool:
        """Verify as DelegatedSource does."""
        if not (is_sendable(uid) and CODE.fullmatch(code)):
            raise RecordUnusable("not_sendable")  # the line is split on spaces: more words would be commands
        reply = run_exchange(lambda connections: self._exchange(connections, f"UDATA TOTP {uid} {code}\n"))
        if reply not in (RIGHT, WRONG):
            raise SourceUnavailable("neither_yes_nor_no")
        return reply == RIGHT

    def _exchange(self, connections: OpenConnections, question: str | None) -> bytes:
        endpoint = Endpoint.parse(settings.MELOTP_URL)
        with closing(connect(endpoint, connections, self.report_step)) as connection:
            reply = _read_reply(connection)
            self.report_step("greeting", reply.decode())
            if reply != READY:
                raise SourceUnavailable("does_not_greet")
            if question:
                connection.sendall(question.encode())
                reply = _read_reply(connection)
            with suppress(OSError):  # it has answered: which side closes first does not matter
                connection.sendall(b"QUIT\n")
            return reply


def _read_reply(connection: socket.socket) -> bytes:
    """Return the code of one reply. Several lines at once are refused: the second came before its question."""
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
