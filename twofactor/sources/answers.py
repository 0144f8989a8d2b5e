"""What a source of the Bnum may say. Absent and unavailable are different answers."""

import base64
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import structlog

log = structlog.stdlib.get_logger("twofactor.sources")
ENCODINGS = ("raw", "base32", "hex")
ADVISED_BYTES = 10  # 80 bits
USERID_LENGTH = 32  # characters, of dynalogin's column
SENDABLE = re.compile(rf"[!-~]{{1,{USERID_LENGTH}}}")  # no space, no control character, ASCII
CODE = re.compile(r"[0-9]{6}")


class SourceUnavailable(Exception):
    """The source does not answer, or not as it should: nothing is known, nothing may be concluded.

    Its text is a reason for the log, without anything that was sent or received.
    """


class RecordUnusable(SourceUnavailable):
    """What there is for this one agent cannot be read or asked for. Others are not concerned."""


class State(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    LOCKED = "locked"
    UNSUPPORTED = "unsupported"  # a secret that this portal cannot check: HOTP, static prefix, bad encoding


class SeededSource(Protocol):
    """Gives the secret itself: Cerbère keeps a sealed copy and checks codes alone."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """The state of this agent's secret, and the seed when it is PRESENT. Raises SourceUnavailable."""


class DelegatedSource(ABC):
    """Keeps the secret to itself and answers, for each code, whether it is right."""

    @abstractmethod
    def look_up(self, uid: str) -> tuple[State, None]:
        """The state of this agent's secret. Raises SourceUnavailable."""

    @abstractmethod
    def verify(self, uid: str, code: str) -> bool:
        """Whether this is the agent's code now; the source burns it. Raises SourceUnavailable.

        `code` is six ASCII digits. Anything but a clear yes or no is SourceUnavailable.
        """


Source = SeededSource | DelegatedSource
Tell = Callable[[str, str], object]  # takes a step and what came of it, for `manage.py check_source`


def silent(step: str, result: str) -> None:
    pass


class Told:
    """What tells its steps to whoever made it."""

    def __init__(self, tell: Tell = silent) -> None:
        self.tell = tell


def sendable(uid: str) -> bool:
    """Whether a uid fits dynalogin's column and a line that is split on spaces."""
    return SENDABLE.fullmatch(uid) is not None


def seed_of(secret: object, encoding: str) -> tuple[State, bytes | None]:
    """PRESENT and the HMAC key in a stored secret; UNSUPPORTED and a line in the log when it holds none.

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


def decode_secret(secret: str, encoding: str) -> bytes:
    """The HMAC key in a stored secret, ASCII text. Raises ValueError (binascii.Error is one).

    base32 (RFC 4648 §6) in any case, with spaces, hyphens or padding, as applications show it.
    """
    raw = secret.encode("ascii")
    if encoding == "raw":
        return raw
    if encoding == "hex":
        return bytes.fromhex(secret)
    bare = re.sub(r"[\s-]", "", secret).rstrip("=").upper()
    return base64.b32decode(bare + "=" * (-len(bare) % 8))
