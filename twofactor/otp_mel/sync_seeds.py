"""Comparing every confirmed secret with the Bnum's, so that a renewed or withdrawn one is noticed without a login."""

from collections import Counter
from datetime import datetime
from enum import StrEnum
from itertools import chain

import structlog
from django.db import transaction
from django.db.models import QuerySet

from cerbere.core.batches import in_batches
from twofactor.models import OtpMelDevice
from twofactor.otp_mel.notice_change import has_changed, mark_changed, unmark_changed
from twofactor.seeds.sealing import SeedKeyError
from twofactor.sources import Source, State, source
from twofactor.sources.contract import RecordUnusable

log = structlog.get_logger("twofactor.otp_mel.sync_seeds")
BATCH = 500  # rows read at a time
AT_ONCE = 10  # changes that one run may always write
SHARE = 0.05  # of the confirmed methods; more at once is a fault of the source or of its settings, not of agents


class TooManyChanges(Exception):
    """The source seems to have lost or mixed up its secrets: nothing was written."""


class Finding(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    STILL_CHANGED = "still_changed"
    BACK = "back"
    UNUSABLE = "unusable"  # this agent's record, there or here: nothing is concluded, the log says more


def sync_seeds(now: datetime, force: bool = False) -> Counter[Finding]:
    """Look every confirmed method up, then write what a second look confirms, each in its own transaction.

    Remembers only the changes. Raises SourceUnavailable and, without `force`, TooManyChanges: then nothing, or
    nothing of those that are left, was written.
    """
    bnum = source()
    counts: Counter[Finding] = Counter()
    found: list[int] = []
    allowed = max(AT_ONCE, int(_confirmed().count() * SHARE))
    for device in chain.from_iterable(in_batches(_confirmed(), BATCH)):
        finding = _look(bnum, device)
        counts[finding] += 1
        if finding in WRITTEN:
            found.append(device.pk)
        if counts[Finding.CHANGED] > allowed and not force:
            raise TooManyChanges
    for pk in found:
        _write(bnum, pk, now)
    return counts


WRITTEN = (Finding.CHANGED, Finding.BACK)


def _confirmed() -> QuerySet[OtpMelDevice]:
    devices: QuerySet[OtpMelDevice] = OtpMelDevice.objects.filter(confirmed=True).select_related("user")
    return devices


def _look(bnum: Source, device: OtpMelDevice) -> Finding:
    try:
        return _finding(device, *bnum.look_up(device.user.uid))
    except RecordUnusable:
        return Finding.UNUSABLE
    except SeedKeyError:
        log.error("sealed_seed_does_not_open", device=device.pk)
        return Finding.UNUSABLE


def _finding(device: OtpMelDevice, state: State, seed: bytes | None) -> Finding:
    """Only the very secret that was confirmed takes the mark away: a source that shows none proves nothing."""
    if has_changed(device, state, seed):
        return Finding.STILL_CHANGED if device.changed_at else Finding.CHANGED
    if not device.changed_at:
        return Finding.SAME
    return Finding.STILL_CHANGED if seed is None else Finding.BACK


def _write(bnum: Source, pk: int, now: datetime) -> None:
    """After a second look, for the run may have taken long, and only to the secret that was looked at."""
    seen = _confirmed().filter(pk=pk).first()
    if seen is None or (finding := _look(bnum, seen)) not in WRITTEN:
        return
    with transaction.atomic():
        device = OtpMelDevice.objects.select_for_update().filter(pk=pk, uuid=seen.uuid, confirmed=True).first()
        if device is None or device.changed_at != seen.changed_at:
            return
        if finding is Finding.BACK:
            unmark_changed(device)
        else:
            mark_changed(device, now)
