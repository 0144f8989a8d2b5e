"""The act of making and changing agents from CSV, batch after batch; running it again changes nothing more."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Q

from accounts.agent_imports.agent_lines import COLUMNS, Refusal, Row, read
from accounts.models import PEOPLE, Agent, AgentSession
from cerbere.audit.events import Event
from cerbere.audit.record import record_many
from cerbere.core.batches import batched
from cerbere.core.imports.lines import BATCH, Bytes, Judged, Seen
from cerbere.core.imports.transaction import batch_transaction

TRIES = 3  # of a batch, when somebody else makes an agent that it makes too
NOT_IN_FILES = {field.name for field in Agent._meta.fields} - set(COLUMNS)


class Verdict(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


@dataclass(frozen=True)
class Planned:
    """One line that was accepted: the agent as it will be."""

    agent: Agent
    verdict: Verdict
    fields: tuple[str, ...] = ()


class Known:
    """The agents that a batch of lines may be about, as they are in the database."""

    def __init__(self, rows: list[Row], lock: bool) -> None:
        wanted = {name: {row[name] for row in rows if row.get(name)} for name in ("uid", "email", "directory_id")}
        agents = Agent.objects.filter(
            Q(uid__in=wanted["uid"]) | Q(email__in=wanted["email"]) | Q(directory_id__in=wanted["directory_id"])
        ).order_by("pk")  # two imports lock in one order
        found = list(agents.select_for_update() if lock else agents)
        self.by_uid = {agent.uid: agent for agent in found}
        self.by_email = {agent.email: agent for agent in found}
        self.by_directory_id = {agent.directory_id: agent for agent in found if agent.directory_id}

    def match(self, row: Row) -> Agent | Refusal | None:
        """Whom a line is about: by directory_id if it names one that is known, else by uid; None: nobody yet."""
        named = self.by_uid.get(row["uid"])
        directory_id = row.get("directory_id")
        if directory_id and (found := self.by_directory_id.get(directory_id)):
            return found if named in (None, found) else Refusal.UID_TAKEN
        if named and named.directory_id and directory_id:
            return Refusal.OTHER_DIRECTORY_ID
        return named


def import_agents(file: Bytes, apply: bool, actor: Agent | None = None) -> Iterator[list[Judged]]:
    """Judge batch after batch, and write each that is judged if `apply`, in its own transaction.

    Constant memory. A value that an earlier line took or gave up is not free for a later one, so that a dry run, an
    import, and an import in other batches say the same. Raises BadHeader, UnicodeDecodeError.
    """
    with closing(Seen()) as seen:
        for batch in batched(read(file), BATCH):
            yield _settle(batch, seen, apply, actor)


def _settle(batch: list[tuple[int, Row | Refusal]], seen: Seen, apply: bool, actor: Agent | None) -> list[Judged]:
    for left in reversed(range(TRIES)):
        try:
            with batch_transaction():
                known = Known([row for _, row in batch if isinstance(row, dict)], lock=apply)
                plans = [(number, _plan(row, known, seen)) for number, row in batch]
                if apply:
                    _write([plan for _, plan in plans if isinstance(plan, Planned)], actor)
        except IntegrityError:
            seen.rollback()
            if not left:
                raise
        else:
            break
    seen.commit()
    return [_judged(number, plan) for number, plan in plans]


def _judged(number: int, plan: Planned | Refusal) -> Judged:
    if isinstance(plan, Refusal):
        return Judged(number, plan)
    return Judged(number, plan.verdict, plan.agent.uid, " ".join(plan.fields))


def _plan(row: Row | Refusal, known: Known, seen: Seen) -> Planned | Refusal:
    """What the line asks for, or why not. Of a line that is accepted, `seen` keeps every name, old and new."""
    if isinstance(row, Refusal):
        return row
    if any(name in seen for name in _names(row["uid"], row.get("directory_id"))):
        return Refusal.DUPLICATE
    agent = known.match(row)
    if isinstance(agent, Refusal):
        return agent
    draft = Agent(**row)
    refusal = _invalid(draft, row, is_new=agent is None) or _email_taken(draft, agent, known, seen)
    if refusal:
        return refusal
    plan = _new(draft) if agent is None else _changed(agent, draft, row, seen)
    if isinstance(plan, Planned):
        seen.add(_all_names(plan.agent))
    return plan


def _names(uid: str, directory_id: str | None, email: str | None = None) -> list[str]:
    named = {"uid": uid, "id": directory_id, "email": email}
    return [f"{kind}:{name}" for kind, name in named.items() if name]


def _all_names(agent: Agent) -> list[str]:
    return _names(agent.uid, agent.directory_id, agent.email)


def _invalid(draft: Agent, row: Row, is_new: bool) -> Refusal | None:
    """What the model says of the values in the line; of an agent who exists, nothing of the others."""
    unsaid = NOT_IN_FILES if is_new else {field.name for field in Agent._meta.fields} - set(row)
    try:
        draft.full_clean(exclude=unsaid, validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        return _refusal(error)
    return None


def _refusal(error: ValidationError) -> Refusal:
    faults = [(field, fault.code) for field, these in error.error_dict.items() for fault in these]
    codes = {code for _, code in faults}
    if "max_length" in codes:
        return Refusal.TOO_LONG
    if codes & {"blank", "null"}:
        return Refusal.MISSING
    return {"uid": Refusal.UID, "email": Refusal.EMAIL}.get(faults[0][0], Refusal.MAILBOX)


def _email_taken(draft: Agent, agent: Agent | None, known: Known, seen: Seen) -> Refusal | None:
    if not draft.email:
        return None
    taken = known.by_email.get(draft.email) not in (None, agent) or f"email:{draft.email}" in seen
    return Refusal.EMAIL_TAKEN if taken else None


def _new(draft: Agent) -> Planned | Refusal:
    if draft.mailbox not in PEOPLE:
        return Refusal.NOT_A_PERSON
    draft.set_unusable_password()
    return Planned(draft, Verdict.NEW)


def _changed(agent: Agent, draft: Agent, row: Row, seen: Seen) -> Planned | Refusal:
    fields = tuple(name for name in COLUMNS if name in row and getattr(agent, name) != getattr(draft, name))
    if not fields:
        return Planned(agent, Verdict.UNCHANGED)
    if agent.is_superuser:
        return Refusal.SUPERUSER
    seen.add(_all_names(agent))
    for name in fields:
        setattr(agent, name, getattr(draft, name))
    return Planned(agent, Verdict.CHANGED, fields)


def _write(plans: list[Planned], actor: Agent | None) -> None:
    new = [plan for plan in plans if plan.verdict is Verdict.NEW]
    changed = [plan for plan in plans if plan.verdict is Verdict.CHANGED]
    Agent.objects.bulk_create(plan.agent for plan in new)
    if changed:
        agents = [plan.agent for plan in changed]
        Agent.objects.bulk_update(agents, sorted({name for plan in changed for name in plan.fields}))
        AgentSession.objects.filter(agent__in=[agent for agent in agents if not agent.may_sign_in]).delete()
    _record(Event.AGENT_ADDED_BY_FILE, new, actor)
    _record(Event.AGENT_CHANGED_BY_FILE, changed, actor)


def _record(event: Event, plans: Iterable[Planned], actor: Agent | None) -> None:
    """One event an agent: who reads the journal asks what happened to a person, not which file was imported."""
    record_many(event, ((plan.agent, {"fields": ", ".join(plan.fields)}) for plan in plans), actor)
