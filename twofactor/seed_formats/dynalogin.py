"""The Bnum's own table: INSERT or COPY lines of a dump of it alone, or its CSV export."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from cerbere.core.imports.lines import detect_delimiter, read_lines
from twofactor.seed_formats.entry import BadFile, Entry, Fault, Found, Options, Unusable, check, entry, guarded
from twofactor.seed_formats.lines import header_of, row_of
from twofactor.sources.contract import USERID_LENGTH

LINE_LENGTH = 4 * 2**20  # bytes; mysqldump puts up to 1 MiB of rows in a line
COLUMNS = [
    "id", "userid", "scheme", "secret", "counter", "failure_count", "locked", "last_success", "last_attempt",
    "last_code", "password",
]  # fmt: skip
TABLE = r'(?:[`"\w]+\.)?[`"]?dynalogin_user[`"]?'
NAMED = rf"\s+{TABLE}\s*(?:\(([^()]*)\))?\s*"
INSERT = re.compile(rf"INSERT\s+INTO{NAMED}VALUES\s*", re.IGNORECASE)
COPY = re.compile(rf"COPY{NAMED}FROM\s+stdin;\s*\Z", re.IGNORECASE)
WRITES = re.compile(r"(INSERT|REPLACE|COPY|UPDATE)\b", re.IGNORECASE)
ROW = re.compile(r"\s*\(((?:'(?:[^'\\]|''|\\.)*+'|[^'()])*+)\)\s*([,;]?)\s*")
VALUE = re.compile(r"\s*(?:'((?:[^']|'')*+)'|([\w.+-]+))\s*(?:,|\Z)")
END_OF_COPY = "\\."
NULLS = ("", "NULL", "\\N")
NO_HEADER = "a CSV export of dynalogin_user must name the columns userid, scheme and secret"
OTHER_TABLE = "the dump writes something else than rows of dynalogin_user: dump that table alone"

Row = dict[str, str | None]


def read(file: BinaryIO, options: Options) -> Found:
    """Rank of each row and what it gives. Raises BadFile, UnicodeDecodeError."""
    for rank, row in enumerate(_rows(read_lines(file, LINE_LENGTH)), start=1):
        yield rank, guarded(_entry, row, options)


def _rows(numbered: Iterator[tuple[int, str | None]]) -> Iterator[Row | None]:
    """One value a row of the table; None: a row that cannot be read."""
    for _, line in numbered:
        if line is None:
            yield None
        elif match := INSERT.match(line):
            yield from _inserted(line[match.end() :], _columns(match[1]), numbered)
        elif match := COPY.match(line):
            yield from _copied(_columns(match[1]), numbered)
        elif WRITES.match(line):
            raise BadFile(OTHER_TABLE)
        elif _is_header(line):
            yield from _exported(line, numbered)


def _columns(named: str | None) -> list[str]:
    return [name.strip(' `"').lower() for name in named.split(",")] if named else COLUMNS


def _inserted(line: str, columns: list[str], numbered: Iterator[tuple[int, str | None]]) -> Iterator[Row | None]:
    """The rows after VALUES, on this line or on the next ones, until the semicolon."""
    rest: str | None = line
    while rest is not None:
        at = 0
        while match := ROW.match(rest, at):
            yield _values(match[1], columns)
            at = match.end()
            if match[2] != ",":
                break
        if at < len(rest):
            break
        if at and rest.rstrip().endswith(";"):
            return
        _, rest = next(numbered, (0, ""))
        if rest == "":
            return
    yield None


def _values(row: str, columns: list[str]) -> Row | None:
    """MySQL and PostgreSQL read a backslash differently: a row that has one is not guessed at."""
    values, at = [], 0
    while match := VALUE.match(row, at):
        values.append(_value(match))
        at = match.end()
        if not match[0].rstrip().endswith(","):
            break
    whole = at == len(row) and len(values) == len(columns) and "\\" not in row
    return dict(zip(columns, values, strict=True)) if whole else None


def _value(match: re.Match[str]) -> str | None:
    if match[1] is not None:
        return match[1].replace("''", "'")
    return None if match[2].upper() == "NULL" else match[2]


def _copied(columns: list[str], numbered: Iterator[tuple[int, str | None]]) -> Iterator[Row | None]:
    for _, line in numbered:
        if line == END_OF_COPY:
            return
        values = [None if value == "\\N" else value for value in (line or "").split("\t")]
        whole = len(values) == len(columns) and not any("\\" in value for value in values if value)
        yield dict(zip(columns, values, strict=True)) if whole else None


def _is_header(line: str) -> bool:
    return "userid" in re.split(r'[,;"\s]+', line.lower())


def _exported(header: str, numbered: Iterator[tuple[int, str | None]]) -> Iterator[Row | None]:
    delimiter = detect_delimiter(header)
    columns = header_of(header, delimiter, {"userid", "scheme", "secret"}, NO_HEADER)
    for _, line in numbered:
        try:
            yield {name: None if cell in NULLS else cell for name, cell in row_of(line, columns, delimiter).items()}
        except Unusable:
            yield None


def _entry(row: Row | None, options: Options) -> Entry:
    """Judged as twofactor.sources.database judges the living table."""
    if row is None or not row.get("userid") or len(row["userid"] or "") > USERID_LENGTH:
        raise Unusable(Fault.LINE)
    if (row.get("locked") or "0").lower() not in ("0", "f", "false"):
        raise Unusable(Fault.LOCKED)
    if row.get("password"):
        raise Unusable(Fault.TYPE)
    check(row.get("scheme") or "")
    return entry(row["userid"] or "", row.get("secret") or "", options.encoding)
