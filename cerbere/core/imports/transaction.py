from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def batch_transaction() -> Iterator[None]:
    """One transaction, whose statements PostgreSQL plans for what they hold.

    Connections keep prepared statements (cerbere.env), and a plan made for an empty table may be kept for a large one:
    without this, batches became slower as the table grew (bench/README.md).
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield
