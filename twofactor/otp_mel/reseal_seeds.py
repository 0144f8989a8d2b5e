"""Sealing the secrets anew with the first of CERBERE_SEED_KEYS, in batches, beside running nodes."""

from collections.abc import Iterator

import structlog
from django.db import connection, transaction
from django.db.models import QuerySet

from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.models import ImportedSeed
from twofactor.seeds.sealing import SeedKeyError, sealing_kid

log = structlog.get_logger("twofactor.otp_mel.reseal_seeds")
BATCH = 200  # rows locked at a time: a login that meets one waits some milliseconds


def reseal_seeds(batch: int = BATCH) -> Iterator[tuple[int, int]]:
    """After each batch: how many secrets it sealed anew, and how many did not open.

    Each batch is one transaction, so that an interrupted run is simply run again. Rows that a login holds are
    left to the next run.
    """
    for rows in (OtpMelDevice.objects.exclude(sealed_seed=""), ImportedSeed.objects.all()):
        old: QuerySet[OtpMelDevice | ImportedSeed] = rows.exclude(sealed_seed__startswith=f"{sealing_kid()}:")
        last = 0
        while done := _batch(old.filter(pk__gt=last).order_by("pk"), batch):
            last, sealed, unopened = done
            yield sealed, unopened


def left_to_reseal() -> int:
    kid = f"{sealing_kid()}:"
    devices = OtpMelDevice.objects.exclude(sealed_seed="").exclude(sealed_seed__startswith=kid)
    imported = ImportedSeed.objects.exclude(sealed_seed__startswith=kid)
    return int(devices.count()) + imported.count()


@transaction.atomic
def _batch(old: QuerySet[OtpMelDevice | ImportedSeed], batch: int) -> tuple[int, int, int] | None:
    """The last row's key, how many were sealed, how many did not open; None at the end."""
    rows = list(old.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)[:batch])
    if not rows:
        return None
    opened = [row for row in rows if _reseal(row)]
    return rows[-1].pk, len(opened), len(rows) - len(opened)


def _reseal(row: OtpMelDevice | ImportedSeed) -> bool:
    try:
        row.seal(row.seed)
    except SeedKeyError:
        log.error("sealed_seed_does_not_open", table=row._meta.db_table, row=row.pk)
        return False
    row.save(update_fields=row.SEALED)
    return True
