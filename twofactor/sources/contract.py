"""The contract of a source of the Bnum's secrets. Absent and unavailable are different answers."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import structlog

from twofactor.secret_encodings import ADVISED_BYTES, USERID_LENGTH, decode_secret

log = structlog.stdlib.get_logger("twofactor.sources")
SENDABLE = re.compile(rf"[!-~]{{1,{USERID_LENGTH}}}")  # no space, no control character, ASCII
CODE = re.compile(r"[0-9]{6}")


class SourceUnavailable(Exception):
    """The source does not answer, or not as it should: nothing is known, nothing may be concluded.

    Its text is a reason for the log, without anything that was sent or received.
    """


class RecordUnusable(SourceUnavailable):
    """The record of one agent cannot be read or asked for. Other agents are not concerned."""


class State(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    LOCKED = "locked"
    UNSUPPORTED = "unsupported"  # a secret that this portal cannot check: HOTP, static prefix, bad encoding


class SeededSource(Protocol):
    """A source that gives the secret itself: Cerbère keeps a sealed copy and checks codes alone."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """Return the state of this agent's secret, and the seed when it is PRESENT. Raises SourceUnavailable."""


class DelegatedSource(ABC):
    """A source that keeps the secret to itself and answers, for each code, whether it is right."""

    @abstractmethod
    def look_up(self, uid: str) -> tuple[State, None]:
        """Return the state of this agent's secret. Raises SourceUnavailable."""

    @abstractmethod
    def verify(self, uid: str, code: str) -> bool:
        """Return whether this is the agent's code now; the source burns it. Raises SourceUnavailable.

        `code` is six ASCII digits. Anything but a clear yes or no is SourceUnavailable.
        """


Source = SeededSource | DelegatedSource
ReportStep = Callable[[str, str], object]  # takes the name of a step and its result, for `manage.py check_source`


def ignore_step(step: str, result: str) -> None:
    pass


class StepReporter:
    """Base of the sources: reports the steps of each call to the function that it is made with."""

    def __init__(self, report_step: ReportStep = ignore_step) -> None:
        self.report_step = report_step


def is_sendable(uid: str) -> bool:
    """Return whether a uid fits dynalogin's column and a line that is split on spaces."""
    return SENDABLE.fullmatch(uid) is not None


def read_seed(secret: object, encoding: str) -> tuple[State, bytes | None]:
    """Return PRESENT and the HMAC key in a stored secret; UNSUPPORTED, with a line in the log, when it holds none.

    NULL, BLOB or a number are no secrets that a phone could have.
    """
    try:
        seed = decode_secret(secret, encoding) if isinstance(secret, str) else b""
    except ValueError:
        seed = b""
    if not seed:
        log.error("secret_not_readable", encoding=encoding)
        return State.UNSUPPORTED, None
    if len(seed) < ADVISED_BYTES:
        log.warning("short_secret", bits=8 * len(seed))
    return State.PRESENT, seed
