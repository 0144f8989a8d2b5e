"""OATH CSV as privacyIDEA reads and writes it: serial, seed in hex, type, otplen, timestep, and the user.

Columns by the names of a header, or by the order of privacyIDEA's « # version: 2 », which begins with user, resolver
and realm. Without either there is no user to give the seed to.
"""

import re
from typing import BinaryIO

from cerbere.core.imports.lines import detect_delimiter, read_lines
from twofactor.codes import DIGITS, STEP
from twofactor.seed_formats.entry import (
    BadFile,
    Entry,
    Fault,
    NumberedEntries,
    Options,
    Unusable,
    catch_fault,
    check_parameters,
    decode_entry,
)
from twofactor.seed_formats.lines import parse_header, parse_row

SECOND_VERSION = re.compile(r"#\s*version:\s*2\s*\Z")
ORDER = ["user", "resolver", "realm", "serial", "seed", "type", "otplen", "timestep"]
NAMES = {"uid": "user", "username": "user", "otpkey": "seed", "key": "seed", "secret": "seed", "hashlib": "algorithm"}
NO_HEADER = "OATH CSV needs a header that names user and seed, or « # version: 2 »"
LONG_SEEDS = (64, 128)  # hex digits: of SHA-256 and SHA-512, which exports show by this length alone


def read(file: BinaryIO, options: Options) -> NumberedEntries:
    """Yield the number of each line with its entry or fault. Raises BadFile, UnicodeDecodeError."""
    numbered = read_lines(file)
    _, first = next(numbered, (0, None))
    header, delimiter = _read_header(first or "")
    for number, line in numbered:
        yield number, catch_fault(_read_line, line, header, delimiter)


def _read_header(line: str) -> tuple[list[str], str]:
    """Return the names of the columns, and the delimiter. Raises BadFile."""
    if SECOND_VERSION.match(line.strip()):
        return ORDER, ","
    delimiter = detect_delimiter(line)
    names = parse_header(line.lstrip("# "), delimiter, set(), NO_HEADER)
    header = [NAMES.get(name, name) for name in names]
    if not {"user", "seed"} <= set(header) or len(set(header)) < len(header):
        raise BadFile(NO_HEADER)
    return header, delimiter


def _read_line(line: str | None, header: list[str], delimiter: str) -> Entry:
    row = parse_row(line, header, delimiter)
    check_parameters(row.get("type") or "hotp", row.get("algorithm") or "SHA1", row.get("otplen") or DIGITS,
                     row.get("timestep") or STEP)  # fmt: skip
    if not row.get("algorithm") and len(row["seed"]) in LONG_SEEDS:
        raise Unusable(Fault.ALGORITHM)
    return decode_entry(row["user"], row["seed"], "hex")
