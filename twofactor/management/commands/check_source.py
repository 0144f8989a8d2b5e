import base64
import sys
from collections.abc import Iterator
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import Agent, normalize_login
from twofactor.codes import Outcome, clean_code, judge_code
from twofactor.secret_encodings import ADVISED_BYTES, ENCODINGS, decode_secret
from twofactor.sources import DelegatedSource, Source, SourceUnavailable, State, get_unwatched_source
from twofactor.sources.faults import find_source_faults

DESCRIPTION = """\
Try the source of the Bnum's secrets step by step for one agent, as Cerbère would, and say what each step answers.

LOGIN is an agent's uid or e-mail, or the uid of somebody whom Cerbère does not know. No secret, token or password is
shown. With --code a code of this agent is asked for, or read from the standard input. Status 1 when a step fails,
when the agent has no usable secret there, or when the code is not right.
"""
RIGHT = {
    Outcome.GOOD: "right",
    Outcome.CLOCK_OUT_OF_STEP: "right, but minutes away: compare the phone's clock and this machine's",
}


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks = []  # the command prints the source's faults itself

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", metavar="LOGIN")
        parser.add_argument("--code", action="store_true", help="try a code too; a source that verifies burns it")

    def handle(self, *_args: Any, login: str, code: bool, **_options: Any) -> None:
        self._check_settings()
        uid = self._find_uid(login)
        source = get_unwatched_source(self._report_step)
        try:
            seed = self._look_up(source, uid)
            if code:
                self._try_code(source, uid, seed)
        except SourceUnavailable as error:
            raise CommandError(f"unavailable: {error}") from None

    def _report_step(self, step: str, result: str) -> None:
        """Print the result of a step without its control characters, which could write to the operator's terminal."""
        printable = "".join(sign if sign.isprintable() else "?" for sign in result[:200])
        self.stdout.write(f"{step:<12}{printable}")

    def _check_settings(self) -> None:
        source_faults = list(find_source_faults())
        for name, fault in source_faults:
            self._report_step("settings", f"{name} {fault}")
        if source_faults:
            raise CommandError("the settings cannot be used")
        self._report_step("settings", f"source {settings.MELOTP_SOURCE}")

    def _find_uid(self, login: str) -> str:
        agent = Agent.objects.find_by_login(login)
        if agent is None:
            self._report_step("agent", "unknown to Cerbère, asked for by this very uid")
        return agent.uid if agent else normalize_login(login)

    def _look_up(self, source: Source, uid: str) -> bytes | None:
        state, seed = source.look_up(uid)
        self._report_step("agent", f"{uid}: {state}")
        if state is not State.PRESENT:
            raise CommandError("this agent cannot use OTP Mél")
        if seed is None:
            self._report_step("secret", "stays there: the source verifies codes")
        else:
            self._describe_seed(seed)
        return seed

    def _describe_seed(self, seed: bytes) -> None:
        short = "" if len(seed) >= ADVISED_BYTES else f", fewer than the {8 * ADVISED_BYTES} that are advised"
        self._report_step("secret", f"{8 * len(seed)} bits{short}")
        others = ", ".join(encoding for encoding, _ in _read_in_other_encodings(seed))
        if others:
            self._report_step(
                "encoding", f"{settings.MELOTP_ENCODING}; it could be read as {others} too: only a code tells"
            )

    def _try_code(self, source: Source, uid: str, seed: bytes | None) -> None:
        if isinstance(source, DelegatedSource):
            self._report_step("code", "the source burns it: it serves neither on the Bnum nor here afterwards")
            verdict = "right" if source.verify(uid, _read_code()) else "refused: wrong, used, or no such account"
        else:
            assert seed is not None  # a seeded source that is PRESENT
            verdict = _judge_code(seed, _read_code())
        self._report_step("code", verdict)
        if verdict != "right":
            raise CommandError("the code is not right")


def _read_code() -> str:
    code = clean_code(getpass("Code: ") if sys.stdin.isatty() else sys.stdin.readline())
    if code is None:
        raise CommandError("a code is six digits")
    return code


def _judge_code(seed: bytes, code: str) -> str:
    """Return the verdict on a code, which is not burnt: it may serve afterwards."""
    outcome = _judge(seed, code)
    if outcome in RIGHT:
        return RIGHT[outcome]
    readings = [encoding for encoding, other in _read_in_other_encodings(seed) if _judge(other, code) in RIGHT]
    return f"wrong; right if CERBERE_MELOTP_ENCODING were {readings[0]}" if readings else "wrong"


def _judge(seed: bytes, code: str) -> Outcome:
    return judge_code(seed, code, timezone.now(), settings.OTP_TOLERANCE, last_step=-1)[0]


def _read_in_other_encodings(seed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each other encoding in which the same text of the table can be read, with the seed that it would be."""
    if settings.MELOTP_SOURCE != "database":
        return
    text = {"raw": seed, "base32": base64.b32encode(seed), "hex": seed.hex().encode()}[settings.MELOTP_ENCODING]
    for encoding in ENCODINGS:
        if encoding != settings.MELOTP_ENCODING and (other := _decode_or_empty(text, encoding)):
            yield encoding, other


def _decode_or_empty(text: bytes, encoding: str) -> bytes:
    try:
        return decode_secret(text.decode("ascii"), encoding)
    except ValueError:
        return b""
