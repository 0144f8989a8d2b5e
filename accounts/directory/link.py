"""The act of making our row of a person say what the directory says. Who is who follows `directory_id` alone."""

import uuid
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts.directory import directory
from accounts.directory.entries import Entry
from accounts.directory.two_factor_policy import policy_of
from accounts.models import Agent
from accounts.refusals import Reason
from cerbere.audit.events import Event
from cerbere.audit.record import record

FREED = "ancien-"  # and a uuid: the uid of somebody whose own was given to another person
log = structlog.get_logger("accounts.directory")


def link(entry: Entry, now: datetime) -> Agent | Reason:
    """This person's agent, made at the first time, brought up to date and opened again if the directory closed it.

    The entry must be a usable person's. Whoever else of the directory had the uid or the e-mail gives it up: it is
    another person, who leaves nothing behind for the new one. Unless the directory says that it is theirs too:
    AMBIGUOUS. An account that Cerbère keeps itself never gives anything up: LOCAL_ACCOUNT. Then nothing is changed.
    Raises DirectoryUnavailable.
    """
    if _is_shared(entry):
        return Reason.AMBIGUOUS
    try:
        return _link(entry, now)
    except IntegrityError:  # the same person, from another browser at the same moment, was first
        return _link(entry, now)


def _is_shared(entry: Entry) -> bool:
    """Whether somebody else whom we know by this uid or e-mail has it in the directory too. Asks only when one does."""
    others = Agent.objects.filter(_same_names(entry)).exclude(directory_id=entry.directory_id)
    ids = [agent.directory_id for agent in others if agent.directory_id]
    theirs = [other for other in directory().entries_of(ids) if other.is_person]
    return any(other.uid == entry.uid or (entry.email and other.email == entry.email) for other in theirs)


def _link(entry: Entry, now: datetime) -> Agent | Reason:
    with transaction.atomic():
        rows = list(_concerned(entry))
        holders = [row for row in rows if row.directory_id != entry.directory_id]
        if any(holder.directory_id is None for holder in holders):
            return Reason.LOCAL_ACCOUNT
        for holder in holders:
            _give_up(holder, entry)
        agent = next((row for row in rows if row.directory_id == entry.directory_id), None)
        return _refresh(agent, entry, now) if agent else _add(entry, now)


def _concerned(entry: Entry) -> QuerySet[Agent]:
    """This person's row and those with the same names, locked in one order: two exchanges never wait for each other."""
    mine = Q(directory_id=entry.directory_id)
    return Agent.objects.select_for_update().filter(mine | _same_names(entry)).order_by("pk")


def _same_names(entry: Entry) -> Q:
    return Q(uid=entry.uid) | Q(email=entry.email) if entry.email else Q(uid=entry.uid)


def _give_up(holder: Agent, entry: Entry) -> None:
    """With the uid, which applications know people by, go the sessions; they were opened by that name."""
    former = holder.uid
    if holder.email == entry.email:
        holder.email = None
    if holder.uid == entry.uid:
        holder.uid = f"{FREED}{uuid.uuid4().hex}"
        holder.sessions.all().delete()
    holder.save(update_fields=["uid", "email"])
    record(Event.AGENT_DISPLACED_BY_DIRECTORY, holder, former_uid=former)


def _add(entry: Entry, now: datetime) -> Agent:
    agent = Agent(directory_id=entry.directory_id, directory_seen_at=now, **_columns(entry))
    agent.set_unusable_password()
    agent.save()
    record(Event.AGENT_ADDED_BY_DIRECTORY, agent)
    return agent


def _refresh(agent: Agent, entry: Entry, now: datetime) -> Agent:
    former, columns = agent.uid, _columns(entry)
    changed = [name for name, value in columns.items() if getattr(agent, name) != value]
    for name in changed:
        setattr(agent, name, columns[name])
    agent.directory_seen_at = now
    reopened = agent.directory_closed_at is not None
    if reopened:
        agent.is_active, agent.directory_closed_at = True, None
        record(Event.AGENT_REOPENED_BY_DIRECTORY, agent)
    agent.save(update_fields=[*changed, "directory_seen_at", "is_active", "directory_closed_at"])
    if changed:
        record(Event.AGENT_CHANGED_BY_DIRECTORY, agent, fields=", ".join(changed), former_uid=former)
    return agent


def _columns(entry: Entry) -> dict[str, Any]:
    policy = policy_of(entry.security)
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
