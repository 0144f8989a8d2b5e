"""The result that every format gives for each line or record: one entry, or one fault."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, ParamSpec

from accounts.models import normalize_login
from twofactor.codes import DIGITS, STEP
from twofactor.secret_encodings import decode_secret

ISSUERS = frozenset({"Bnum", "M2Web"})  # names of the entry in the agents' phones, today's and yesterday's
P = ParamSpec("P")
SHA1 = ("SHA1", "HMACSHA1")


class Fault(StrEnum):
    """The reasons for which a line gives no seed."""

    LINE = "unreadable_line"
    SECRET = "unreadable_secret"
    MAC = "bad_mac"  # altered, or another pre-shared key
    LOCKED = "locked"
    ENCODING = "unsupported_encoding"
    TYPE = "unsupported_type"
    ALGORITHM = "unsupported_algorithm"
    DIGITS = "unsupported_digits"
    PERIOD = "unsupported_period"
    ISSUER = "unsupported_issuer"


class Unusable(Exception):
    """A line gives no seed; holds its fault and nothing of its text."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class BadFile(Exception):
    """Nothing more of the file can be read; holds the reason, and nothing of its text."""


@dataclass(frozen=True)
class Entry:
    """An agent's uid and the seed of the phone."""

    uid: str
    seed: bytes = field(repr=False)


@dataclass(frozen=True)
class Options:
    encoding: str = "raw"  # of secrets whose line names none
    issuers: frozenset[str] = ISSUERS
    psk: bytes | None = field(default=None, repr=False)  # AES key of a PSKC file


NumberedEntries = Iterator[tuple[int, Entry | Fault]]
Reader = Callable[[BinaryIO, Options], NumberedEntries]


def decode_entry(uid: str, secret: str, encoding: str) -> Entry:
    """Return the entry of a secret in this encoding. Raises Unusable."""
    try:
        return make_entry(uid, decode_secret(secret, encoding))
    except ValueError as error:
        raise Unusable(Fault.SECRET) from error


def make_entry(uid: str, seed: bytes) -> Entry:
    """Return the entry of a seed, for the uid in its normal form. Raises Unusable."""
    if not seed:
        raise Unusable(Fault.SECRET)
    return Entry(normalize_login(uid), seed)


def check_parameters(
    kind: str = "totp", algorithm: str = "SHA1", digits: object = DIGITS, period: object = STEP
) -> None:
    """Refuse parameters that Cerbère does not use; those that a file leaves out have their usual value.

    Raises Unusable.
    """
    if kind.lower() != "totp":
        raise Unusable(Fault.TYPE)
    if algorithm.upper().replace("-", "") not in SHA1:
        raise Unusable(Fault.ALGORITHM)
    if str(digits) != str(DIGITS):
        raise Unusable(Fault.DIGITS)
    if str(period) != str(STEP):
        raise Unusable(Fault.PERIOD)


def check_issuer(names: set[str], options: Options) -> None:
    """Refuse an entry unless it names exactly one issuer, and one that is allowed. Raises Unusable."""
    if len(names) != 1 or not names <= options.issuers:
        raise Unusable(Fault.ISSUER)


def catch_fault(make: Callable[P, Entry], *args: P.args, **kwargs: P.kwargs) -> Entry | Fault:
    """Return the entry that `make` returns, or the fault of the Unusable that it raises."""
    try:
        return make(*args, **kwargs)
    except Unusable as error:
        return error.fault
