"""Import lines batch after batch, each in a transaction of its own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from django.db import IntegrityError, connection, transaction

from cerbere.core.batches import batched
from cerbere.core.imports.report import LineVerdict
from cerbere.core.imports.seen_names import SeenNames

BATCH = 500  # lines in one transaction: an interruption loses as many at most, and rows stay locked for as long
TRIES = 3  # of a batch, when another process makes a row at the same time
T = TypeVar("T")
Lines = list[tuple[int, T]]  # number and content of each line
ImportBatch = Callable[[Lines[T], SeenNames], list[LineVerdict]]


def import_in_batches(lines: Iterable[tuple[int, T]], import_batch: ImportBatch[T]) -> Iterator[list[LineVerdict]]:
    """Yield the verdicts that `import_batch` gives to each batch of lines. Memory does not grow with the lines.

    `import_batch` runs in the transaction of its batch, and again after an IntegrityError. The names that it adds to
    its second argument are known to the batches that follow. An error of `lines` is raised; the batches before it are
    kept.
    """
    with closing(SeenNames()) as seen:
        for batch in batched(lines, BATCH):
            yield _import_batch(batch, seen, import_batch, TRIES)


def _import_batch(batch: Lines[T], seen: SeenNames, import_batch: ImportBatch[T], tries: int) -> list[LineVerdict]:
    try:
        with batch_transaction():
            verdicts = import_batch(batch, seen)
    except IntegrityError:
        seen.rollback()
        if tries == 1:
            raise
        return _import_batch(batch, seen, import_batch, tries - 1)
    seen.commit()
    return verdicts


@contextmanager
def batch_transaction() -> Iterator[None]:
    """Open a transaction in which PostgreSQL plans each statement for the values that it holds.

    Connections keep prepared statements (cerbere.env), and a plan made for an empty table may be kept for a large one:
    without this, batches became slower as the table grew (bench/README.md). SQLite keeps no such plans.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield
