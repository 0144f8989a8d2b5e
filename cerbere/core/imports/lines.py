"""Read exported text line by line, in constant memory. No database.

Each line stands alone (no line ends inside quotes), so that a broken one cannot swallow those that follow.
"""

import csv
import unicodedata
from collections.abc import Iterator
from typing import Protocol

LINE_LENGTH = 2048  # bytes; no agent and no secret needs a longer line


class Unreadable(Exception):
    """A line, or the header, is not CSV; holds nothing of the text."""


class ReadsLines(Protocol):
    """A binary file, or anything else that has its `readline`."""

    def readline(self, limit: int, /) -> bytes: ...


def read_lines(file: ReadsLines, limit: int = LINE_LENGTH) -> Iterator[tuple[int, str | None]]:
    """Yield number and text of each line that is not empty; None for one of `limit` bytes or more. Constant memory.

    UTF-8, a byte order mark is passed over. Raises UnicodeDecodeError.
    """
    number = 0
    while line := file.readline(limit):
        number += 1
        if len(line) == limit and not line.endswith(b"\n"):
            _skip_rest_of_line(file)
            yield number, None
        elif (text := line.decode("utf-8-sig" if number == 1 else "utf-8")).strip():
            yield number, text.rstrip("\r\n")


def _skip_rest_of_line(file: ReadsLines) -> None:
    while (rest := file.readline(LINE_LENGTH)) and not rest.endswith(b"\n"):
        pass


def detect_delimiter(header: str) -> str:
    return ";" if ";" in header else ","


def split_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, trimmed. Raises Unreadable."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise Unreadable from error


def has_control_characters(text: str) -> bool:
    """Return whether the text as it is shown could differ from the text as it is written.

    Format characters count, bidirectional ones too.
    """
    return any(unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in text)
