"""Files that hold secrets of second factors: one module a format, one contract (entry.Reader), one table."""

import re
from io import BufferedReader
from typing import BinaryIO

from twofactor.seed_formats import dynalogin, keycloak, lemonldap, lines, migration, oath_csv, pskc
from twofactor.seed_formats.entry import BadFile, Entry, Fault, Found, Options, Reader

__all__ = ["AUTO", "FORMATS", "BadFile", "Entry", "Fault", "Found", "Options", "read"]

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
HEAD = 4096  # bytes that tell the format
TELLING = (  # the first that is found tells; CSV and otpauth:// lines are what is left
    ("pskc", rb"\s*<"),
    ("migration", rb"\s*otpauth-migration://"),
    ("otpauth", rb"\s*otpauth://"),
    ("lemonldap", rb'\s*[\[{](?s:.)*"_(?:2fDevices|session_uid)"'),
    ("keycloak", rb"\s*[\[{]"),
    ("dynalogin", rb"(?s:.)*\bdynalogin_user\b|[^\n]*\buserid\b"),
    ("oath-csv", rb"#\s*version:|[^\n]*\b(?:otplen|timestep|serial)\b"),
)


def read(file: BufferedReader | BinaryIO, name: str, options: Options) -> Found:
    """What each line or record of the file gives, as the named format, or as what it looks like.

    Raises BadFile, UnicodeDecodeError, at the first record that shows it.
    """
    return FORMATS[detect(file) if name == AUTO else name](file, options)


def detect(file: BufferedReader | BinaryIO) -> str:
    """The format that the file's beginning tells; nothing is consumed."""
    assert isinstance(file, BufferedReader)
    head = file.peek(HEAD)[:HEAD].removeprefix(b"\xef\xbb\xbf")
    return next((name for name, pattern in TELLING if re.match(pattern, head, re.IGNORECASE)), "csv")
