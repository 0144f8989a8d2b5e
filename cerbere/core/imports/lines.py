"""Reading text that somebody exported, line by line, in constant memory. No database.

Each line stands alone (no line ends inside quotes), so that a broken one cannot swallow those that follow.
"""

import csv
import hashlib
import secrets
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

LINE_LENGTH = 2048  # bytes; no agent and no secret needs a longer line
BATCH = 500  # lines in one transaction: what an interruption loses, and how long rows stay locked
FORMULA = ("=", "+", "-", "@")  # how a cell begins that a spreadsheet would calculate


class Unreadable(Exception):
    """A line, or the header, is not CSV; holds nothing of what was read."""


@dataclass(frozen=True)
class Judged:
    """One line. `uid` only of an agent that exists or is made: in a file with swapped columns it may be a secret."""

    number: int
    verdict: str
    uid: str = ""
    remark: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.uid or '-'} {self.verdict} {self.remark}".rstrip()


class Bytes(Protocol):
    def readline(self, limit: int, /) -> bytes: ...


def lines(file: Bytes, limit: int = LINE_LENGTH) -> Iterator[tuple[int, str | None]]:
    """Number and text of each line that is not empty; None for one of `limit` bytes or more. Constant memory.

    UTF-8, a byte order mark is passed over. Raises UnicodeDecodeError.
    """
    number = 0
    while line := file.readline(limit):
        number += 1
        if len(line) == limit and not line.endswith(b"\n"):
            _skip_rest(file)
            yield number, None
        elif (text := line.decode("utf-8-sig" if number == 1 else "utf-8")).strip():
            yield number, text.rstrip("\r\n")


def _skip_rest(file: Bytes) -> None:
    while (rest := file.readline(LINE_LENGTH)) and not rest.endswith(b"\n"):
        pass


def delimiter_of(header: str) -> str:
    return ";" if ";" in header else ","


def cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line, trimmed. Raises Unreadable."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise Unreadable from error


def has_controls(text: str) -> bool:
    """Control and format characters, bidirectional ones too: what is shown would not be what is written."""
    return any(unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in text)


def harmless(cell: str) -> str:
    """The cell as a spreadsheet shows it without calculating it."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


class Seen:
    """What the lines so far were about, whatever their number, outside memory.

    A private temporary database of SQLite, which goes away with this object; it holds digests under a key of this run.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._rows = sqlite3.connect("")  # SQLite's name for a temporary file that nobody else can open
        self._rows.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, names: Iterable[str]) -> None:
        self._rows.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(self._digest(name),) for name in names])

    def __contains__(self, name: str) -> bool:
        found = self._rows.execute("SELECT 1 FROM seen WHERE digest = ?", (self._digest(name),))
        return found.fetchone() is not None

    def commit(self) -> None:
        self._rows.commit()

    def rollback(self) -> None:
        """Forget what was added since the last commit."""
        self._rows.rollback()

    def close(self) -> None:
        self._rows.close()

    def _digest(self, name: str) -> bytes:
        return hashlib.blake2b(name.encode(), digest_size=16, key=self._key).digest()
