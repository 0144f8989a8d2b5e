"""What an import says of each line, and where: verdict file, standard output, progress. Never a secret."""

import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from cerbere.core.imports.lines import Judged, harmless

HEADER = ("line", "uid", "verdict", "remark")


Writer = Callable[[Iterable[Judged]], None]


@contextmanager
def verdict_file(path: str | None) -> Iterator[Writer]:
    """Writes a row a line as CSV that no spreadsheet calculates, for its owner's eyes. Raises OSError.

    A file that exists is never touched: FileExistsError.
    """
    if not path:
        yield lambda _: None
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", newline="", encoding="utf-8", buffering=1) as text:
        rows = csv.writer(text)
        rows.writerow(HEADER)
        yield lambda judged: rows.writerows([j.number, harmless(j.uid), j.verdict, j.remark] for j in judged)


@contextmanager
def progress() -> Iterator[Callable[[int], object]]:
    """Counts lines on standard error while that is a terminal; the log keeps clear of the bar."""
    bar = tqdm(unit=" lines", file=sys.stderr, disable=None)
    with bar, nullcontext() if bar.disable else logging_redirect_tqdm():
        yield bar.update
