"""Rows and items in batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")
ROWS = 2000  # a lock on so many is short, and a purge that is interrupted keeps the batches before


def in_batches(rows: models.QuerySet[M], size: int = ROWS) -> Iterator[models.QuerySet[M]]:
    """Yield querysets of at most `size` of these rows, by ascending key, whatever is written between two of them.

    The keys of a batch are read once the batch before has been dealt with; no cursor stays open meanwhile.
    """
    rows = rows.order_by("pk")
    ahead = rows
    while keys := list(ahead.values_list("pk", flat=True)[:size]):
        yield rows.filter(pk__in=keys)
        ahead = rows.filter(pk__gt=keys[-1])


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items, the last one shorter: `itertools.batched`, which needs Python 3.12.

    An error of `items` loses the list that it interrupts.
    """
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
