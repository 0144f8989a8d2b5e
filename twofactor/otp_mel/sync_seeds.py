"""Compare every confirmed secret with the Bnum's, to detect a renewed or withdrawn one before the next login."""

from collections import Counter
from datetime import datetime
from enum import StrEnum
from itertools import chain

import structlog
from django.db import transaction
from django.db.models import QuerySet

from cerbere.core.batches import in_batches
from twofactor.otp_mel.detect_change import has_changed, mark_changed, unmark_changed
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.sealing import SeedKeyError
from twofactor.sources import Source, State, get_source
from twofactor.sources.contract import RecordUnusable

log = structlog.get_logger("twofactor.otp_mel.sync_seeds")
BATCH = 500  # rows read at a time
AT_ONCE = 10  # changes that one run may always write
SHARE = 0.05  # of the confirmed methods; more at once is a fault of the source or of its settings, not of agents


class TooManyChanges(Exception):
    """Too many secrets differ at once: the source, or its settings, must be at fault. Nothing was written."""


class Finding(StrEnum):
    """The result of comparing one method with the Bnum."""

    SAME = "same"
    CHANGED = "changed"
    STILL_CHANGED = "still_changed"
    BACK = "back"
    UNUSABLE = "unusable"  # the agent's record, there or here: no conclusion is drawn, the log names the reason


def sync_seeds(now: datetime, force: bool = False) -> Counter[Finding]:
    """Compare every confirmed method, then write each change that a second comparison confirms, and count the findings.

    Each change is written in its own transaction. Raises TooManyChanges, with nothing written, unless `force`;
    SourceUnavailable, with the remaining changes not written. Memory holds only the primary keys of the changes.
    """
    bnum = get_source()
    counts: Counter[Finding] = Counter()
    changed_pks: list[int] = []
    allowed = max(AT_ONCE, int(_confirmed_devices().count() * SHARE))
    for device in chain.from_iterable(in_batches(_confirmed_devices(), BATCH)):
        finding = _compare(bnum, device)
        counts[finding] += 1
        if finding in FINDINGS_TO_WRITE:
            changed_pks.append(device.pk)
        if counts[Finding.CHANGED] > allowed and not force:
            raise TooManyChanges
    for pk in changed_pks:
        _write_change(bnum, pk, now)
    return counts


FINDINGS_TO_WRITE = (Finding.CHANGED, Finding.BACK)


def _confirmed_devices() -> QuerySet[OtpMelDevice]:
    devices: QuerySet[OtpMelDevice] = OtpMelDevice.objects.filter(confirmed=True).select_related("user")
    return devices


def _compare(bnum: Source, device: OtpMelDevice) -> Finding:
    try:
        return _classify(device, *bnum.look_up(device.user.uid))
    except RecordUnusable:
        return Finding.UNUSABLE
    except SeedKeyError:
        log.error("sealed_seed_does_not_open", device=device.pk)
        return Finding.UNUSABLE


def _classify(device: OtpMelDevice, state: State, seed: bytes | None) -> Finding:
    """Return the finding for the source's answer. Without a seed it cannot show that the old secret is back."""
    if has_changed(device, state, seed):
        return Finding.STILL_CHANGED if device.changed_at else Finding.CHANGED
    if not device.changed_at:
        return Finding.SAME
    return Finding.STILL_CHANGED if seed is None else Finding.BACK


def _write_change(bnum: Source, pk: int, now: datetime) -> None:
    """Compare a method again, and mark or unmark it if the finding is the same and the row has not changed since."""
    compared = _confirmed_devices().filter(pk=pk).first()
    if compared is None or (finding := _compare(bnum, compared)) not in FINDINGS_TO_WRITE:
        return
    with transaction.atomic():
        device = OtpMelDevice.objects.select_for_update().filter(pk=pk, uuid=compared.uuid, confirmed=True).first()
        if device is None or device.changed_at != compared.changed_at:
            return
        if finding is Finding.BACK:
            unmark_changed(device)
        else:
            mark_changed(device, now)
