"""Link a person of the directory to an agent, who is brought up to date. Only `directory_id` identifies people."""

import uuid
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts.directory import get_directory
from accounts.directory.entries import Entry
from accounts.directory.two_factor_policy import parse_policy
from accounts.models import Agent
from accounts.refusals import Reason
from cerbere.audit.events import Event
from cerbere.audit.record import record

FREED_UID_PREFIX = "ancien-"  # then a uuid: the uid of an agent whose own was given to another person
log = structlog.get_logger("accounts.directory")


def link_agent(entry: Entry, now: datetime) -> Agent | Reason:
    """Return this person's agent, added the first time, brought up to date, reopened if the directory had closed it.

    The entry must be a usable person's. Another agent of the directory who had the uid or the e-mail gives it up: that
    is another person, who leaves nothing behind for the new one. AMBIGUOUS if the directory still gives the name to
    that person too. An account that Cerbère keeps itself never gives anything up: LOCAL_ACCOUNT. With either reason
    nothing is changed. Raises DirectoryUnavailable.
    """
    if _has_shared_name(entry):
        return Reason.AMBIGUOUS
    try:
        return _link_agent(entry, now)
    except IntegrityError:  # the same person, from another browser at the same moment, was first
        return _link_agent(entry, now)


def _has_shared_name(entry: Entry) -> bool:
    """Return whether the directory gives this uid or e-mail to another person too, among those who have an agent."""
    others = Agent.objects.filter(_has_same_name(entry)).exclude(directory_id=entry.directory_id)
    ids = [agent.directory_id for agent in others if agent.directory_id]
    people = [other for other in get_directory().find_by_ids(ids) if other.is_person]
    return any(other.uid == entry.uid or (entry.email and other.email == entry.email) for other in people)


def _link_agent(entry: Entry, now: datetime) -> Agent | Reason:
    with transaction.atomic():
        rows = list(_lock_concerned_agents(entry))
        holders = [row for row in rows if row.directory_id != entry.directory_id]
        if any(holder.directory_id is None for holder in holders):
            return Reason.LOCAL_ACCOUNT
        for holder in holders:
            _free_names(holder, entry)
        agent = next((row for row in rows if row.directory_id == entry.directory_id), None)
        return _refresh_agent(agent, entry, now) if agent else _add_agent(entry, now)


def _lock_concerned_agents(entry: Entry) -> QuerySet[Agent]:
    """Select this person's row and those with the same names, locked in one order so that no two calls deadlock."""
    own = Q(directory_id=entry.directory_id)
    return Agent.objects.select_for_update(no_key=True).filter(own | _has_same_name(entry)).order_by("pk")


def _has_same_name(entry: Entry) -> Q:
    return Q(uid=entry.uid) | Q(email=entry.email) if entry.email else Q(uid=entry.uid)


def _free_names(holder: Agent, entry: Entry) -> None:
    """Take the entry's names from their holder.

    The sessions go with the uid: they were opened by that name, and applications know people by it.
    """
    former_uid = holder.uid
    if holder.email == entry.email:
        holder.email = None
    if holder.uid == entry.uid:
        holder.uid = f"{FREED_UID_PREFIX}{uuid.uuid4().hex}"
        holder.sessions.all().delete()
    holder.save(update_fields=["uid", "email"])
    record(Event.AGENT_DISPLACED_BY_DIRECTORY, holder, former_uid=former_uid)


def _add_agent(entry: Entry, now: datetime) -> Agent:
    agent = Agent(directory_id=entry.directory_id, directory_seen_at=now, **_make_columns(entry))
    agent.set_unusable_password()
    agent.save()
    record(Event.AGENT_ADDED_BY_DIRECTORY, agent)
    return agent


def _refresh_agent(agent: Agent, entry: Entry, now: datetime) -> Agent:
    former_uid, columns = agent.uid, _make_columns(entry)
    changed = [name for name, value in columns.items() if getattr(agent, name) != value]
    for name in changed:
        setattr(agent, name, columns[name])
    agent.directory_seen_at = now
    if agent.directory_closed_at is not None:
        agent.is_active, agent.directory_closed_at = True, None
        record(Event.AGENT_REOPENED_BY_DIRECTORY, agent)
    agent.save(update_fields=[*changed, "directory_seen_at", "is_active", "directory_closed_at"])
    if changed:
        record(Event.AGENT_CHANGED_BY_DIRECTORY, agent, fields=", ".join(changed), former_uid=former_uid)
    return agent


def _make_columns(entry: Entry) -> dict[str, Any]:
    policy = parse_policy(entry.security)
    if policy.malformed:
        log.warning("malformed_policy", agent=entry.uid, lines=", ".join(policy.malformed))
    return {
        "uid": entry.uid,
        "email": entry.email,
        "given_name": entry.given_name,
        "family_name": entry.family_name,
        "organizational_unit": entry.organizational_unit,
        "phone_number": entry.phone_number,
        "siret": entry.siret,
        "mailbox": entry.mailbox,
        "two_factor_required_from": policy.required_from,
    }
