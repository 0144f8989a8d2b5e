"""Comparing every confirmed secret with the Bnum's, so that a renewed or withdrawn one is noticed without a login."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from twofactor.models import OtpMelDevice
from twofactor.notice_change import has_changed, mark_changed, unmark_changed
from twofactor.sources import Source, State, source

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


def sync_seeds(now: datetime, force: bool = False) -> Counter[Finding]:
    """Look every confirmed method up, then write what was found, each in its own transaction.

    Remembers only the changes. Raises SourceUnavailable and, without `force`, TooManyChanges: then nothing
    was written.
    """
    counts: Counter[Finding] = Counter()
    found: list[tuple[int, State, bytes | None]] = []
    allowed = max(AT_ONCE, int(OtpMelDevice.objects.filter(confirmed=True).count() * SHARE))
    for device, state, seed in _answers(source()):
        finding = _finding(device, state, seed)
        counts[finding] += 1
        if finding in (Finding.CHANGED, Finding.BACK):
            found.append((device.pk, state, seed))
        if counts[Finding.CHANGED] > allowed and not force:
            raise TooManyChanges
    for pk, state, seed in found:
        _write(pk, state, seed, now)
    return counts


def _answers(bnum: Source) -> Iterator[tuple[OtpMelDevice, State, bytes | None]]:
    """Every confirmed method and what the source says of it, in pages: no cursor stays open while the Bnum answers."""
    last = 0
    confirmed = OtpMelDevice.objects.filter(confirmed=True).select_related("user").order_by("pk")
    while page := list(confirmed.filter(pk__gt=last)[:BATCH]):
        for device in page:
            yield device, *bnum.look_up(device.user.uid)
        last = page[-1].pk


def _finding(device: OtpMelDevice, state: State, seed: bytes | None) -> Finding:
    if not has_changed(device, state, seed):
        return Finding.BACK if device.changed_at else Finding.SAME
    return Finding.STILL_CHANGED if device.changed_at else Finding.CHANGED


def _write(pk: int, state: State, seed: bytes | None, now: datetime) -> None:
    """Judged again under the lock: the agent may have confirmed or removed the method meanwhile."""
    with transaction.atomic():
        device = OtpMelDevice.objects.select_for_update().filter(pk=pk, confirmed=True).first()
        if device is None:
            return
        finding = _finding(device, state, seed)
        if finding is Finding.CHANGED:
            mark_changed(device, state, now)
        elif finding is Finding.BACK:
            unmark_changed(device)
