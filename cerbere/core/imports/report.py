"""Report the verdict of each line: verdict file, standard output, progress. Never a secret."""

import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

COLUMNS = ("line", "uid", "verdict", "remark")
FORMULA_STARTS = ("=", "+", "-", "@")  # how a cell begins that a spreadsheet would calculate


@dataclass(frozen=True)
class LineVerdict:
    """The verdict of an import on one line.

    `uid` only of an agent who exists or is made: in a file with swapped columns it may be a secret.
    """

    number: int
    verdict: str
    uid: str = ""
    remark: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.uid or '-'} {self.verdict} {self.remark}".rstrip()


WriteVerdicts = Callable[[Iterable[LineVerdict]], None]


@contextmanager
def open_verdict_file(path: str | None) -> Iterator[WriteVerdicts]:
    """Yield a function that writes one CSV row a line; without a path it writes nothing. Raises OSError.

    Only the file's owner may read it, and no spreadsheet calculates it. A file that exists is never touched:
    FileExistsError.
    """
    if not path:
        yield lambda _: None
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", newline="", encoding="utf-8", buffering=1) as text:
        rows = csv.writer(text)
        rows.writerow(COLUMNS)
        yield lambda lines: rows.writerows([x.number, escape_formula(x.uid), x.verdict, x.remark] for x in lines)


def escape_formula(cell: str) -> str:
    """Return the cell as a spreadsheet shows it without calculating it."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


@contextmanager
def show_progress() -> Iterator[Callable[[int], object]]:
    """Yield a function that counts lines on standard error while that is a terminal; the log keeps clear of the bar."""
    bar = tqdm(unit=" lines", file=sys.stderr, disable=None)
    with bar, nullcontext() if bar.disable else logging_redirect_tqdm():
        yield bar.update
