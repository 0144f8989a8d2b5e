"""Google Authenticator's export: `otpauth-migration://offline?data=…`, one link a line, several accounts in each.

`data` is base64 of a protocol buffer: field 1, repeated, is an account (1 secret, 2 name, 3 issuer, 4 algorithm,
5 number of digits, 6 type); the application always shows a code of 30 seconds.
"""

import base64
import binascii
from collections.abc import Iterator
from itertools import count
from typing import BinaryIO
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit

from cerbere.core.imports.lines import read_lines
from twofactor.seed_formats.entry import (
    Entry,
    Fault,
    NumberedEntries,
    Options,
    Unusable,
    catch_fault,
    check_issuer,
    make_entry,
)

SCHEME = "otpauth-migration://"
LINE_LENGTH = 32 * 1024  # characters; the application puts ten accounts in a link
SECRET, NAME, ISSUER, ALGORITHM, DIGITS, KIND = 1, 2, 3, 4, 5, 6
SHA1, SIX, TOTP = 1, 1, 2
UNSPECIFIED = 0
FIXED = {1: 8, 5: 4}  # bytes of a field by its wire type

Value = int | bytes


def read(file: BinaryIO, options: Options) -> NumberedEntries:
    """Yield the rank of each account with its entry or fault. Raises UnicodeDecodeError."""
    ranks = count(1)
    for _, line in read_lines(file, LINE_LENGTH):
        try:
            accounts = list(_decode_accounts(line))
        except ValueError:
            yield next(ranks), Fault.LINE
            continue
        for account in accounts:
            yield next(ranks), catch_fault(_read_account, account, options)


def _decode_accounts(link: str | None) -> Iterator[bytes]:
    """Yield the message of each account in a link. Raises ValueError."""
    if link is None or not link.lstrip().lower().startswith(SCHEME):
        raise ValueError("not a link")
    data = parse_qs(urlsplit(link.strip().replace("+", "%2B")).query).get("data", [])
    if len(data) != 1:
        raise ValueError("one data")
    payload = base64.b64decode(unquote_to_bytes(data[0]), validate=True)
    for number, value in parse_fields(payload):
        if number == 1 and isinstance(value, bytes):
            yield value


def parse_fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Yield number and value of each field of a protocol buffer. Raises ValueError."""
    at = 0
    while at < len(message):
        key, at = _parse_varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _parse_varint(message, at)
            yield key >> 3, value
            continue
        size, at = _parse_varint(message, at) if kind == 2 else (FIXED.get(kind, len(message) + 1), at)
        if size > len(message) - at:
            raise ValueError("a field is longer than its message")
        yield key >> 3, message[at : at + size]
        at += size


def _parse_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at this byte, and where the next field begins. Raises ValueError."""
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number that does not end")


def _read_account(account: bytes, options: Options) -> Entry:
    try:
        pairs = list(parse_fields(account))
        values = dict(pairs)
        if len(values) < len(pairs):
            raise ValueError("a field twice")
        return _make_entry(values, options)
    except (ValueError, binascii.Error) as error:
        raise Unusable(Fault.LINE) from error


def _make_entry(values: dict[int, Value], options: Options) -> Entry:
    if values.get(KIND) != TOTP:
        raise Unusable(Fault.TYPE)
    if values.get(ALGORITHM, SHA1) not in (SHA1, UNSPECIFIED):
        raise Unusable(Fault.ALGORITHM)
    if values.get(DIGITS, SIX) not in (SIX, UNSPECIFIED):
        raise Unusable(Fault.DIGITS)
    label, _, uid = _get_bytes(values, NAME).decode().rpartition(":")
    if not uid:
        raise Unusable(Fault.LINE)
    check_issuer({label.strip(), _get_bytes(values, ISSUER).decode()} - {""}, options)
    return make_entry(uid, _get_bytes(values, SECRET))


def _get_bytes(values: dict[int, Value], number: int) -> bytes:
    value = values.get(number, b"")
    if not isinstance(value, bytes):
        raise ValueError("a number where text should be")
    return value
