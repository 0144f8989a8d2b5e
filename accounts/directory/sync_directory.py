"""Bring all the directory's agents up to date, and close those who are not in it any more."""

from collections import Counter
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.directory import Entry, get_directory
from accounts.directory.link_agent import link_agent
from accounts.models import Agent
from accounts.refusals import Reason
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core.batches import in_batches

BATCH = 100  # agents a search: servers give 500 entries at most by default
CLOSED_AT_ONCE = 10  # agents
CLOSED_SHARE = 0.05  # of the agents of the directory


class Outcome(StrEnum):
    """The outcome for one agent; the command prints how many had each."""

    REFRESHED = "refreshed"
    NAME_KEPT_HERE = "name_kept_here"  # uid or e-mail are a local account’s, or shared with another person
    NOT_FOUND = "not_found"  # among people; those of them who were open are closed, or back at the second look
    CLOSED = "closed"
    BACK = "back"


class TooManyToClose(Exception):
    """More agents have gone than ever do at once: the directory, or our right to read it, may be at fault."""


def sync_directory(now: datetime, force: bool) -> Counter[str]:
    """Refresh every agent who has a directory_id, then close those whom the directory does not show as people.

    No agent is closed before all were looked up. Raises DirectoryUnavailable, and TooManyToClose unless `force`: the
    agents refreshed until then stay so.
    """
    counts: Counter[str] = Counter()
    for agents in in_batches(_select_agents(), BATCH):
        counts.update(_refresh(agent, entry, now) for agent, entry in _pair_with_entries(agents))
    gone = _select_agents().filter(Q(directory_seen_at__lt=now) | Q(directory_seen_at=None), is_active=True)
    if not force:
        _stop_if_too_many(gone.count())
    for agents in in_batches(gone, BATCH):
        counts.update(_close(gone, agent.pk, entry, now) for agent, entry in _pair_with_entries(agents))
    return counts


def _select_agents() -> QuerySet[Agent]:
    return Agent.objects.exclude(directory_id=None)


def _stop_if_too_many(gone: int) -> None:
    active = _select_agents().filter(is_active=True).count()
    if gone > max(CLOSED_AT_ONCE, CLOSED_SHARE * active) or 1 < active == gone:
        raise TooManyToClose(gone)


def _pair_with_entries(agents: QuerySet[Agent]) -> list[tuple[Agent, Entry | None]]:
    """Return each agent with its entry; None for an id that is not in the directory, or is there twice."""
    entries = get_directory().find_by_ids(str(agent.directory_id) for agent in agents)
    counts = Counter(entry.directory_id for entry in entries)
    by_id = {entry.directory_id: entry for entry in entries if counts[entry.directory_id] == 1}
    return [(agent, by_id.get(str(agent.directory_id))) for agent in agents]


def _refresh(agent: Agent, entry: Entry | None, now: datetime) -> Outcome:
    """Refresh an agent who is found. Of the others nothing is written: they may be many, and the directory wrong."""
    if _find_reason_to_close(entry):
        return Outcome.NOT_FOUND
    assert entry is not None
    if not isinstance(link_agent(entry, now), Reason):
        return Outcome.REFRESHED
    Agent.objects.filter(pk=agent.pk).update(directory_seen_at=now)
    return Outcome.NAME_KEPT_HERE


def _close(gone: QuerySet[Agent], pk: int, entry: Entry | None, now: datetime) -> Outcome:
    """Close an agent if the entry of the second look is no person's either.

    Sessions are deleted row by row, so that applications are notified of each.
    """
    reason = _find_reason_to_close(entry)
    with transaction.atomic():
        agent = gone.select_for_update(no_key=True).filter(pk=pk).first()
        if agent is None or reason is None:
            return Outcome.BACK
        agent.is_active, agent.directory_closed_at = False, now
        agent.save(update_fields=["is_active", "directory_closed_at"])
        agent.sessions.all().delete()
        record(Event.AGENT_CLOSED_BY_DIRECTORY, agent, reason=reason)
    return Outcome.CLOSED


def _find_reason_to_close(entry: Entry | None) -> Reason | None:
    if entry is None:
        return Reason.UNKNOWN
    if not entry.is_person:
        return Reason.NOT_A_PERSON
    return None if entry.is_usable else Reason.UNUSABLE_ENTRY
