"""Reading secrets of the Bnum from text: CSV with a header, and `otpauth://` addresses, one a line. No database.

Each line stands alone (no line ends inside quotes), so that a broken one cannot swallow those that follow.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from accounts.models import normalize_login
from twofactor.codes import DIGITS, STEP
from twofactor.sources.answers import ENCODINGS, decode_secret

ISSUERS = {"Bnum", "M2Web"}  # names of the entry in the agents' phones, today's and yesterday's
LINE_LENGTH = 2048  # characters; no secret needs a longer line
SCHEME = "otpauth://"


class Fault(StrEnum):
    """Why a line gives no seed."""

    LINE = "unreadable_line"
    SECRET = "unreadable_secret"
    ENCODING = "unsupported_encoding"
    TYPE = "unsupported_type"
    ALGORITHM = "unsupported_algorithm"
    DIGITS = "unsupported_digits"
    PERIOD = "unsupported_period"
    ISSUER = "unsupported_issuer"


class Unusable(Exception):
    """This line gives no seed; holds nothing of what was read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class NoHeader(Exception):
    """The first line of CSV must name the columns `uid` and `secret`: nothing can be read without them."""


@dataclass(frozen=True)
class Entry:
    uid: str
    seed: bytes = field(repr=False)


class Text(Protocol):
    def readline(self, limit: int, /) -> str: ...


def lines(text: Text) -> Iterator[tuple[int, str | None]]:
    """Number and content of each line that is not empty; None for one that is too long. Constant memory."""
    number = 0
    while line := text.readline(LINE_LENGTH):
        number += 1
        if len(line) == LINE_LENGTH and not line.endswith("\n"):
            _skip_rest(text)
            yield number, None
        elif line.strip():
            yield number, line.strip()


def _skip_rest(text: Text) -> None:
    while (rest := text.readline(LINE_LENGTH)) and not rest.endswith("\n"):
        pass


def read(text: Text, encoding: str) -> Iterator[tuple[int, Entry | Fault]]:
    """Line number and what it gives. `encoding` is that of CSV secrets without one. Raises NoHeader."""
    header: list[str] | None = None
    delimiter = ","
    for number, line in lines(text):
        if header is None and line is not None and not line.lower().startswith(SCHEME):
            delimiter = ";" if ";" in line else ","
            header = _header(line, delimiter)
        else:
            yield number, _entry_or_fault(line, header, delimiter, encoding)


def _header(line: str, delimiter: str) -> list[str]:
    try:
        names = [name.strip().lower() for name in _cells(line, delimiter)]
    except Unusable as error:
        raise NoHeader from error
    if not {"uid", "secret"} <= set(names) or len(set(names)) < len(names):
        raise NoHeader
    return names


def _entry_or_fault(line: str | None, header: list[str] | None, delimiter: str, encoding: str) -> Entry | Fault:
    try:
        if line is None or not line.isprintable():
            raise Unusable(Fault.LINE)
        if line.lower().startswith(SCHEME):
            return from_uri(line)
        return from_cells(header or [], _cells(line, delimiter), encoding)
    except Unusable as error:
        return error.fault


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise Unusable(Fault.LINE) from error


def from_cells(header: list[str], cells: list[str], encoding: str) -> Entry:
    """The entry in a line of CSV; a line with too few or too many cells is not guessed at. Raises Unusable."""
    if len(cells) != len(header):
        raise Unusable(Fault.LINE)
    row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    encoding = row.get("encoding", "").lower() or encoding
    if encoding not in ENCODINGS:
        raise Unusable(Fault.ENCODING)
    return _entry(row["uid"], row["secret"], encoding)


def from_uri(uri: str) -> Entry:
    """The entry in `otpauth://totp/Bnum:<uid>?secret=…&issuer=Bnum`, secret in base32. Raises Unusable.

    Not by pyotp.parse_uri: it refuses short secrets, which the Bnum has, and gives one answer to every fault.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise Unusable(Fault.LINE) from error
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = {name.lower(): value for name, value in pairs}
    issuer, _, uid = unquote(parts.path.lstrip("/")).rpartition(":")
    if len(given) < len(pairs) or not uid:
        raise Unusable(Fault.LINE)
    if fault := _unsupported(parts.netloc, issuer, given):
        raise Unusable(fault)
    return _entry(uid, given.get("secret", ""), "base32")


def _unsupported(kind: str, issuer: str, given: dict[str, str]) -> Fault | None:
    """Everything that the phone and Cerbère must agree on; what is not said has the value that they share."""
    if kind.lower() != "totp" or "encoder" in given:
        return Fault.TYPE
    if given.get("algorithm", "SHA1").upper() != "SHA1":
        return Fault.ALGORITHM
    if given.get("digits", str(DIGITS)) != str(DIGITS):
        return Fault.DIGITS
    if given.get("period", str(STEP)) != str(STEP):
        return Fault.PERIOD
    named = {issuer.strip(), given.get("issuer", "")} - {""}
    return None if len(named) == 1 and named <= ISSUERS else Fault.ISSUER


def _entry(uid: str, secret: str, encoding: str) -> Entry:
    try:
        seed = decode_secret(secret, encoding)
    except ValueError as error:
        raise Unusable(Fault.SECRET) from error
    if not seed:
        raise Unusable(Fault.SECRET)
    return Entry(normalize_login(uid), seed)
