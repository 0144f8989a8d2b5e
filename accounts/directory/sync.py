"""The act of bringing all the directory's agents up to date, and of closing those who are not in it any more."""

from collections import Counter
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.directory import Entry, directory
from accounts.directory.link import link
from accounts.models import Agent
from accounts.refusals import Reason
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core.batches import in_batches

BATCH = 100  # agents a search: servers give 500 entries at most by default
CLOSED_AT_ONCE = 10  # agents
CLOSED_SHARE = 0.05  # of the agents of the directory


class Outcome(StrEnum):
    """What became of an agent, counted."""

    REFRESHED = "refreshed"
    NAME_KEPT_HERE = "name_kept_here"  # uid or e-mail are a local account’s, or shared with somebody else
    NOT_FOUND = "not_found"  # among people; those of them who were open are closed, or back at the second look
    CLOSED = "closed"
    BACK = "back"


class TooManyToClose(Exception):
    """More agents have gone than ever do at once: the directory, or our right to read it, may be at fault."""


def sync(now: datetime, force: bool) -> Counter[str]:
    """Refresh every agent who has a directory_id, then close those whom the directory does not show as people.

    Nobody is closed before everybody was looked for. Raises DirectoryUnavailable, and TooManyToClose unless
    `force`: what was refreshed until then stays.
    """
    counts: Counter[str] = Counter()
    for agents in in_batches(_of_directory(), BATCH):
        counts.update(_refresh(agent, entry, now) for agent, entry in _entries_of(agents))
    gone = _of_directory().filter(Q(directory_seen_at__lt=now) | Q(directory_seen_at=None), is_active=True)
    if not force:
        _stop_if_too_many(gone.count())
    for agents in in_batches(gone, BATCH):
        counts.update(_close(gone, agent.pk, entry, now) for agent, entry in _entries_of(agents))
    return counts


def _of_directory() -> QuerySet[Agent]:
    return Agent.objects.exclude(directory_id=None)


def _stop_if_too_many(gone: int) -> None:
    active = _of_directory().filter(is_active=True).count()
    if gone > max(CLOSED_AT_ONCE, CLOSED_SHARE * active) or 1 < active == gone:
        raise TooManyToClose(gone)


def _entries_of(agents: QuerySet[Agent]) -> list[tuple[Agent, Entry | None]]:
    """Each with what the directory says; nothing for an id that is not there, or is there twice."""
    entries = directory().entries_of(str(agent.directory_id) for agent in agents)
    often = Counter(entry.directory_id for entry in entries)
    by_id = {entry.directory_id: entry for entry in entries if often[entry.directory_id] == 1}
    return [(agent, by_id.get(str(agent.directory_id))) for agent in agents]


def _refresh(agent: Agent, entry: Entry | None, now: datetime) -> Outcome:
    """Nothing is written of those who are not found: they may be many, and the directory wrong."""
    if _why_gone(entry):
        return Outcome.NOT_FOUND
    assert entry is not None
    if not isinstance(link(entry, now), Reason):
        return Outcome.REFRESHED
    Agent.objects.filter(pk=agent.pk).update(directory_seen_at=now)
    return Outcome.NAME_KEPT_HERE


def _close(gone: QuerySet[Agent], pk: int, entry: Entry | None, now: datetime) -> Outcome:
    """Once a second look says the same. Sessions end row by row: applications are told of each."""
    reason = _why_gone(entry)
    with transaction.atomic():
        agent = gone.select_for_update().filter(pk=pk).first()
        if agent is None or reason is None:
            return Outcome.BACK
        agent.is_active, agent.directory_closed_at = False, now
        agent.save(update_fields=["is_active", "directory_closed_at"])
        agent.sessions.all().delete()
        record(Event.AGENT_CLOSED_BY_DIRECTORY, agent, reason=reason)
    return Outcome.CLOSED


def _why_gone(entry: Entry | None) -> Reason | None:
    if entry is None:
        return Reason.UNKNOWN
    if not entry.is_person:
        return Reason.NOT_A_PERSON
    return None if entry.is_usable else Reason.UNUSABLE_ENTRY
