"""The Bnum's own table: INSERT or COPY lines of a dump of it alone, or its CSV export."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from cerbere.core.imports.lines import detect_delimiter, read_lines
from twofactor.secret_encodings import USERID_LENGTH
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
NumberedLines = Iterator[tuple[int, str | None]]


def read(file: BinaryIO, options: Options) -> NumberedEntries:
    """Yield the rank of each row with its entry or fault. Raises BadFile, UnicodeDecodeError."""
    for rank, row in enumerate(_read_rows(read_lines(file, LINE_LENGTH)), start=1):
        yield rank, catch_fault(_make_entry, row, options)


def _read_rows(numbered: NumberedLines) -> Iterator[Row | None]:
    """Yield the columns and values of each row of the table; None for a row that cannot be read."""
    for _, line in numbered:
        if line is None:
            yield None
        elif match := INSERT.match(line):
            yield from _read_insert(line[match.end() :], _parse_columns(match[1]), numbered)
        elif match := COPY.match(line):
            yield from _read_copy(_parse_columns(match[1]), numbered)
        elif WRITES.match(line):
            raise BadFile(OTHER_TABLE)
        elif _is_header(line):
            yield from _read_csv_export(line, numbered)


def _parse_columns(names: str | None) -> list[str]:
    return [name.strip(' `"').lower() for name in names.split(",")] if names else COLUMNS


def _read_insert(line: str, columns: list[str], numbered: NumberedLines) -> Iterator[Row | None]:
    """Yield the rows after VALUES, on this line or on the next ones, until the semicolon."""
    rest: str | None = line
    while rest is not None:
        at = 0
        while match := ROW.match(rest, at):
            yield _parse_values(match[1], columns)
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


def _parse_values(row: str, columns: list[str]) -> Row | None:
    """Return column → value; None for a row with a backslash, which MySQL and PostgreSQL read differently."""
    values, at = [], 0
    while match := VALUE.match(row, at):
        values.append(_parse_value(match))
        at = match.end()
        if not match[0].rstrip().endswith(","):
            break
    is_complete = at == len(row) and len(values) == len(columns) and "\\" not in row
    return dict(zip(columns, values, strict=True)) if is_complete else None


def _parse_value(match: re.Match[str]) -> str | None:
    if match[1] is not None:
        return match[1].replace("''", "'")
    return None if match[2].upper() == "NULL" else match[2]


def _read_copy(columns: list[str], numbered: NumberedLines) -> Iterator[Row | None]:
    for _, line in numbered:
        if line == END_OF_COPY:
            return
        values = [None if value == "\\N" else value for value in (line or "").split("\t")]
        is_complete = len(values) == len(columns) and not any("\\" in value for value in values if value)
        yield dict(zip(columns, values, strict=True)) if is_complete else None


def _is_header(line: str) -> bool:
    return "userid" in re.split(r'[,;"\s]+', line.lower())


def _read_csv_export(header: str, numbered: NumberedLines) -> Iterator[Row | None]:
    delimiter = detect_delimiter(header)
    columns = parse_header(header, delimiter, {"userid", "scheme", "secret"}, NO_HEADER)
    for _, line in numbered:
        try:
            yield {name: None if cell in NULLS else cell for name, cell in parse_row(line, columns, delimiter).items()}
        except Unusable:
            yield None


def _make_entry(row: Row | None, options: Options) -> Entry:
    """Return the entry of a row, by the rules of twofactor.sources.database for the live table. Raises Unusable."""
    if row is None or not row.get("userid") or len(row["userid"] or "") > USERID_LENGTH:
        raise Unusable(Fault.LINE)
    if (row.get("locked") or "0").lower() not in ("0", "f", "false"):
        raise Unusable(Fault.LOCKED)
    if row.get("password"):
        raise Unusable(Fault.TYPE)
    check_parameters(row.get("scheme") or "")
    return decode_entry(row["userid"] or "", row.get("secret") or "", options.encoding)
