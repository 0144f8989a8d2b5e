"""CSV with a header, and `otpauth://` URIs, one a line; both may stand in one file."""

from typing import BinaryIO

from cerbere.core.imports.lines import Unreadable, detect_delimiter, read_lines, split_cells
from twofactor.secret_encodings import ENCODINGS
from twofactor.seed_formats.entry import BadFile, Entry, Fault, NumberedEntries, Options, Unusable, decode_entry
from twofactor.seed_formats.otpauth import SCHEME, parse_uri

NO_HEADER = "the first line of CSV must name the columns uid and secret"


def read(file: BinaryIO, options: Options) -> NumberedEntries:
    """Yield the number of each line with its entry or fault. Raises BadFile, UnicodeDecodeError."""
    header: list[str] | None = None
    delimiter = ","
    for number, line in read_lines(file):
        if header is None and line is not None and not _is_uri(line):
            delimiter = detect_delimiter(line)
            header = parse_header(line, delimiter, {"uid", "secret"}, NO_HEADER)
        else:
            yield number, _entry_or_fault(line, header, delimiter, options)


def _is_uri(line: str) -> bool:
    return line.lstrip().lower().startswith(SCHEME)


def parse_header(line: str, delimiter: str, needed: set[str], fault: str) -> list[str]:
    """Return the names of the columns, each once, with those `needed` among them. Raises BadFile(fault)."""
    try:
        names = [name.lower() for name in split_cells(line, delimiter)]
    except Unreadable as error:
        raise BadFile(fault) from error
    if not needed <= set(names) or len(set(names)) < len(names):
        raise BadFile(fault)
    return names


def parse_row(line: str | None, header: list[str], delimiter: str) -> dict[str, str]:
    """Return column → cell. Raises Unusable for a line with too few or too many cells, whose columns are unsure."""
    if line is None or not line.strip().isprintable():
        raise Unusable(Fault.LINE)
    try:
        return dict(zip(header, split_cells(line, delimiter), strict=True))
    except (Unreadable, ValueError) as error:
        raise Unusable(Fault.LINE) from error


def _entry_or_fault(line: str | None, header: list[str] | None, delimiter: str, options: Options) -> Entry | Fault:
    try:
        if line is not None and line.strip().isprintable() and _is_uri(line):
            return parse_uri(line.strip(), options)
        return _read_row(parse_row(line, header or [], delimiter), options)
    except Unusable as error:
        return error.fault


def _read_row(row: dict[str, str], options: Options) -> Entry:
    encoding = row.get("encoding", "").lower() or options.encoding
    if encoding not in ENCODINGS:
        raise Unusable(Fault.ENCODING)
    return decode_entry(row["uid"], row["secret"], encoding)
