"""Seal the stored secrets again with the first of CERBERE_SEED_KEYS, in batches, while the nodes run."""

from collections.abc import Iterator

import structlog
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from cerbere.core.batches import in_batches
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.models import ImportedSeed
from twofactor.seeds.sealing import SeedKeyError, get_sealing_kid

Sealed = OtpMelDevice | ImportedSeed
log = structlog.get_logger("twofactor.otp_mel.reseal_seeds")
BATCH = 200  # rows locked at a time: a login that needs one waits some milliseconds


def reseal_seeds(batch: int = BATCH) -> Iterator[tuple[int, int]]:
    """Yield for each batch the number of secrets sealed again, and the number of those that did not open.

    Each batch is one transaction, so that an interrupted run can be run again. Rows that a login has locked are left
    for the next run.
    """
    for rows in _sealed_by_other_keys():
        for old in in_batches(rows, batch):
            yield _reseal_batch(old)


def count_left_to_reseal() -> int:
    """Return the number of secrets sealed with another key than the first."""
    return sum(rows.count() for rows in _sealed_by_other_keys())


def _sealed_by_other_keys() -> list[QuerySet[Sealed]]:
    by_other_keys = ~Q(sealed_seed__startswith=f"{get_sealing_kid()}:")
    return [
        OtpMelDevice.objects.exclude(sealed_seed="").filter(by_other_keys),
        ImportedSeed.objects.filter(by_other_keys),
    ]


@transaction.atomic
def _reseal_batch(old: QuerySet[Sealed]) -> tuple[int, int]:
    """Return the number of secrets sealed again, and the number of those that did not open."""
    rows = list(old.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked))
    opened = [row for row in rows if _reseal(row)]
    return len(opened), len(rows) - len(opened)


def _reseal(row: Sealed) -> bool:
    try:
        row.seal(row.seed)
    except SeedKeyError:
        log.error("sealed_seed_does_not_open", table=row._meta.db_table, row=row.pk)
        return False
    row.save(update_fields=row.SEAL_FIELDS)
    return True
