"""Many rows, a few at a time."""

from collections.abc import Iterator
from typing import TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)
BATCH = 2000  # rows: nobody waits long for a lock, and a purge that is cut short keeps what it did


def in_batches(rows: models.QuerySet[M]) -> Iterator[models.QuerySet[M]]:
    """These rows in the order of their key, BATCH at a time, each read once the one before has been dealt with."""
    ahead = rows.order_by("pk")
    while keys := list(ahead.values_list("pk", flat=True)[:BATCH]):
        yield rows.filter(pk__in=keys)
        ahead = ahead.filter(pk__gt=keys[-1])
