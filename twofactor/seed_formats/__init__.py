"""Files that hold secrets of second factors: one module a format, one contract (entry.Reader), one table."""

import re
from io import BufferedReader
from typing import BinaryIO

from twofactor.seed_formats import dynalogin, keycloak, lemonldap, lines, migration, oath_csv, pskc
from twofactor.seed_formats.entry import BadFile, Entry, Fault, NumberedEntries, Options, Reader

__all__ = ["AUTO", "FORMATS", "BadFile", "Entry", "Fault", "NumberedEntries", "Options", "read_entries"]

AUTO = "auto"
FORMATS: dict[str, Reader] = {
    "csv": lines.read,
    "otpauth": lines.read,
    "oath-csv": oath_csv.read,
    "dynalogin": dynalogin.read,
    "pskc": pskc.read,
    "migration": migration.read,
    "keycloak": keycloak.read,
    "lemonldap": lemonldap.read,
}
BEGINNING = 4096  # bytes that show the format
PATTERNS = (  # the first that matches the beginning names the format; CSV when none does
    ("pskc", rb"\s*<"),
    ("migration", rb"\s*otpauth-migration://"),
    ("otpauth", rb"\s*otpauth://"),
    ("lemonldap", rb'\s*[\[{](?s:.)*"_(?:2fDevices|session_uid)"'),
    ("keycloak", rb"\s*[\[{]"),
    ("dynalogin", rb"(?s:.)*\bdynalogin_user\b|[^\n]*\buserid\b"),
    ("oath-csv", rb"#\s*version:|[^\n]*\b(?:otplen|timestep|serial)\b"),
)


def read_entries(file: BufferedReader | BinaryIO, name: str, options: Options) -> NumberedEntries:
    """Yield the number of each line or record with its entry or fault; AUTO detects the format.

    Raises BadFile, UnicodeDecodeError, at the first record that shows it.
    """
    return FORMATS[detect_format(file) if name == AUTO else name](file, options)


def detect_format(file: BufferedReader | BinaryIO) -> str:
    """Return the format that the file's beginning shows; nothing is consumed."""
    assert isinstance(file, BufferedReader)
    beginning = file.peek(BEGINNING)[:BEGINNING].removeprefix(b"\xef\xbb\xbf")
    return next((name for name, pattern in PATTERNS if re.match(pattern, beginning, re.IGNORECASE)), "csv")
