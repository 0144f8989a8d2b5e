import base64
import sys
from collections.abc import Iterator
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import Agent, normalize_login
from twofactor.codes import Outcome, clean_code, judge
from twofactor.sources import DelegatedSource, Source, SourceUnavailable, State, unwatched
from twofactor.sources.answers import ADVISED_BYTES, ENCODINGS, decode_secret
from twofactor.sources.faults import faults

DESCRIPTION = """\
Try the source of the Bnum's secrets step by step for one agent, as Cerbère would, and say what each step answers.

LOGIN is an agent's uid or e-mail, or the uid of somebody whom Cerbère does not know. No secret, token or password is
shown. With --code a code of this agent is asked for, or read from the standard input. Status 1 when a step fails,
when the agent has no usable secret there, or when the code is not right.
"""
TOLD = {
    Outcome.GOOD: "right",
    Outcome.CLOCK_OUT_OF_STEP: "right, but minutes away: compare the phone's clock and this machine's",
}


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks = []  # it tells the source's own faults

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", metavar="LOGIN")
        parser.add_argument("--code", action="store_true", help="try a code too; a source that verifies burns it")

    def handle(self, *_args: Any, login: str, code: bool, **_options: Any) -> None:
        self._check_settings()
        uid = self._uid(login)
        source = unwatched(self._tell)
        try:
            seed = self._look_up(source, uid)
            if code:
                self._try(source, uid, seed)
        except SourceUnavailable as error:
            raise CommandError(f"unavailable: {error}") from None

    def _tell(self, step: str, result: str) -> None:
        """What comes from the other side must not write to the operator's terminal."""
        printable = "".join(sign if sign.isprintable() else "?" for sign in result[:200])
        self.stdout.write(f"{step:<12}{printable}")

    def _check_settings(self) -> None:
        found = list(faults())
        for name, fault in found:
            self._tell("settings", f"{name} {fault}")
        if found:
            raise CommandError("the settings cannot be used")
        self._tell("settings", f"source {settings.MELOTP_SOURCE}")

    def _uid(self, login: str) -> str:
        agent = Agent.objects.by_login(login)
        if agent is None:
            self._tell("agent", "unknown to Cerbère, asked for by this very uid")
        return agent.uid if agent else normalize_login(login)

    def _look_up(self, source: Source, uid: str) -> bytes | None:
        state, seed = source.look_up(uid)
        self._tell("agent", f"{uid}: {state}")
        if state is not State.PRESENT:
            raise CommandError("this agent cannot use OTP Mél")
        if seed is None:
            self._tell("secret", "stays there: the source verifies codes")
        else:
            self._describe(seed)
        return seed

    def _describe(self, seed: bytes) -> None:
        short = "" if len(seed) >= ADVISED_BYTES else f", fewer than the {8 * ADVISED_BYTES} that are advised"
        self._tell("secret", f"{8 * len(seed)} bits{short}")
        others = ", ".join(encoding for encoding, _ in _other_readings(seed))
        if others:
            self._tell("encoding", f"{settings.MELOTP_ENCODING}; it could be read as {others} too: only a code tells")

    def _try(self, source: Source, uid: str, seed: bytes | None) -> None:
        if isinstance(source, DelegatedSource):
            self._tell("code", "the source burns it: it serves neither on the Bnum nor here afterwards")
            verdict = "right" if source.verify(uid, _asked_code()) else "refused: wrong, used, or no such account"
        else:
            assert seed is not None  # a seeded source that is PRESENT
            verdict = _verdict(seed, _asked_code())
        self._tell("code", verdict)
        if verdict != "right":
            raise CommandError("the code is not right")


def _asked_code() -> str:
    code = clean_code(getpass("Code: ") if sys.stdin.isatty() else sys.stdin.readline())
    if code is None:
        raise CommandError("a code is six digits")
    return code


def _verdict(seed: bytes, code: str) -> str:
    """Nothing is burnt: the code may serve afterwards."""
    outcome = _judge(seed, code)
    if outcome in TOLD:
        return TOLD[outcome]
    readings = [encoding for encoding, other in _other_readings(seed) if _judge(other, code) in TOLD]
    return f"wrong; right if CERBERE_MELOTP_ENCODING were {readings[0]}" if readings else "wrong"


def _judge(seed: bytes, code: str) -> Outcome:
    return judge(seed, code, timezone.now(), settings.OTP_TOLERANCE, last_step=-1)[0]


def _other_readings(seed: bytes) -> Iterator[tuple[str, bytes]]:
    """What the same text of the table would be in another encoding."""
    if settings.MELOTP_SOURCE != "database":
        return
    text = {"raw": seed, "base32": base64.b32encode(seed), "hex": seed.hex().encode()}[settings.MELOTP_ENCODING]
    for encoding in ENCODINGS:
        if encoding != settings.MELOTP_ENCODING and (other := _decoded(text, encoding)):
            yield encoding, other


def _decoded(text: bytes, encoding: str) -> bytes:
    try:
        return decode_secret(text.decode("ascii"), encoding)
    except ValueError:
        return b""
