"""What a source of the Bnum may say. Absent and unavailable are different answers."""

import base64
import re
from enum import StrEnum
from typing import Protocol

ENCODINGS = ("raw", "base32", "hex")
ADVISED_BYTES = 10  # 80 bits


class SourceUnavailable(Exception):
    """The source does not answer, or not as it should: nothing is known, nothing may be concluded."""


class State(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    LOCKED = "locked"
    UNSUPPORTED = "unsupported"  # a secret that this portal cannot check: HOTP, static prefix, bad encoding


class SeededSource(Protocol):
    """Gives the secret itself: Cerbère keeps a sealed copy and checks codes alone."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """The state of this agent's secret, and the seed when it is PRESENT. Raises SourceUnavailable."""


class DelegatedSource(Protocol):
    """Keeps the secret to itself and answers, for each code, whether it is right."""

    def look_up(self, uid: str) -> tuple[State, None]:
        """The state of this agent's secret. Raises SourceUnavailable."""

    def verify(self, uid: str, code: str) -> bool:
        """Whether this is the agent's code now; the source burns it. Raises SourceUnavailable.

        `code` is six ASCII digits. Anything but a clear yes or no is SourceUnavailable.
        """


Source = SeededSource | DelegatedSource


def decode_secret(secret: str, encoding: str) -> bytes:
    """The HMAC key in a stored secret, ASCII text. Raises ValueError (binascii.Error is one)."""
    raw = secret.encode("ascii")
    if encoding == "raw":
        return raw
    if encoding == "hex":
        return bytes.fromhex(secret)
    bare = re.sub(r"[\s=-]", "", secret).upper()
    return base64.b32decode(bare + "=" * (-len(bare) % 8))
