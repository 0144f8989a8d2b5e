"""Add and change agents from CSV. Importing the same file again changes nothing more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.agent_imports.agent_lines import COLUMNS, Refusal, Row, read_rows
from accounts.models import PERSON_MAILBOXES, Agent, AgentSession
from cerbere.audit.events import Event
from cerbere.audit.record import record_many
from cerbere.core.imports.engine import Lines, import_in_batches
from cerbere.core.imports.lines import ReadsLines
from cerbere.core.imports.report import LineVerdict
from cerbere.core.imports.seen_names import SeenNames

NOT_IN_FILES = {field.name for field in Agent._meta.fields} - set(COLUMNS)


class Verdict(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


@dataclass(frozen=True)
class Plan:
    """One line that is accepted: the agent as it will be."""

    agent: Agent
    verdict: Verdict
    fields: tuple[str, ...] = ()


class KnownAgents:
    """The agents that a batch of lines may be about, as they are in the database."""

    def __init__(self, rows: list[Row], lock: bool) -> None:
        wanted = {name: {row[name] for row in rows if row.get(name)} for name in ("uid", "email", "directory_id")}
        agents = Agent.objects.filter(
            Q(uid__in=wanted["uid"]) | Q(email__in=wanted["email"]) | Q(directory_id__in=wanted["directory_id"])
        ).order_by("pk")  # two imports lock in one order
        found = list(agents.select_for_update(no_key=True) if lock else agents)
        self.by_uid = {agent.uid: agent for agent in found}
        self.by_email = {agent.email: agent for agent in found}
        self.by_directory_id = {agent.directory_id: agent for agent in found if agent.directory_id}

    def match(self, row: Row) -> Agent | Refusal | None:
        """Return the agent with the line's directory_id if it is known, else with its uid; None if there is none."""
        by_uid = self.by_uid.get(row["uid"])
        directory_id = row.get("directory_id")
        if directory_id and (by_id := self.by_directory_id.get(directory_id)):
            return by_id if by_uid in (None, by_id) else Refusal.UID_TAKEN
        if by_uid and by_uid.directory_id and directory_id:
            return Refusal.OTHER_DIRECTORY_ID
        return by_uid


def import_agents(file: ReadsLines, apply: bool, actor: Agent | None = None) -> Iterator[list[LineVerdict]]:
    """Yield the verdicts of one batch of lines after the other, each batch written if `apply`.

    A value that an earlier line took or gave up is not free for a later one, so that a dry run, an import, and an
    import in other batches give the same verdicts. Raises BadHeader, UnicodeDecodeError.
    """
    return import_in_batches(read_rows(file), partial(_import_batch, apply=apply, actor=actor))


def _import_batch(batch: Lines[Row | Refusal], seen: SeenNames, apply: bool, actor: Agent | None) -> list[LineVerdict]:
    known = KnownAgents([row for _, row in batch if isinstance(row, dict)], lock=apply)
    plans = [(number, _plan_line(row, known, seen)) for number, row in batch]
    if apply:
        _write_plans([plan for _, plan in plans if isinstance(plan, Plan)], actor)
    return [_to_verdict(number, plan) for number, plan in plans]


def _to_verdict(number: int, plan: Plan | Refusal) -> LineVerdict:
    if isinstance(plan, Refusal):
        return LineVerdict(number, plan)
    return LineVerdict(number, plan.verdict, plan.agent.uid, " ".join(plan.fields))


def _plan_line(row: Row | Refusal, known: KnownAgents, seen: SeenNames) -> Plan | Refusal:
    """Return the change that the line asks for, or why it is refused.

    Every name of a line that is accepted, old and new, is added to `seen`.
    """
    if isinstance(row, Refusal):
        return row
    if any(name in seen for name in _list_names(row["uid"], row.get("directory_id"))):
        return Refusal.DUPLICATE
    agent = known.match(row)
    if isinstance(agent, Refusal):
        return agent
    draft = Agent(**row)
    refusal = _refuse_invalid(draft, row, is_new=agent is None) or _refuse_taken_email(draft, agent, known, seen)
    if refusal:
        return refusal
    plan = _plan_new_agent(draft) if agent is None else _plan_change(agent, draft, row, seen)
    if isinstance(plan, Plan):
        seen.add(_list_all_names(plan.agent))
    return plan


def _list_names(uid: str, directory_id: str | None, email: str | None = None) -> list[str]:
    values = {"uid": uid, "id": directory_id, "email": email}
    return [f"{kind}:{name}" for kind, name in values.items() if name]


def _list_all_names(agent: Agent) -> list[str]:
    return _list_names(agent.uid, agent.directory_id, agent.email)


def _refuse_invalid(draft: Agent, row: Row, is_new: bool) -> Refusal | None:
    """Validate the values of the line by the model; the other fields only of a new agent."""
    ignored = NOT_IN_FILES if is_new else {field.name for field in Agent._meta.fields} - set(row)
    try:
        draft.full_clean(exclude=ignored, validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        return _to_refusal(error)
    return None


def _to_refusal(error: ValidationError) -> Refusal:
    faults = [(field, fault.code) for field, these in error.error_dict.items() for fault in these]
    codes = {code for _, code in faults}
    if "max_length" in codes:
        return Refusal.TOO_LONG
    if codes & {"blank", "null"}:
        return Refusal.MISSING
    return {"uid": Refusal.UID, "email": Refusal.EMAIL}.get(faults[0][0], Refusal.MAILBOX)


def _refuse_taken_email(draft: Agent, agent: Agent | None, known: KnownAgents, seen: SeenNames) -> Refusal | None:
    if not draft.email:
        return None
    is_taken = known.by_email.get(draft.email) not in (None, agent) or f"email:{draft.email}" in seen
    return Refusal.EMAIL_TAKEN if is_taken else None


def _plan_new_agent(draft: Agent) -> Plan | Refusal:
    if draft.mailbox not in PERSON_MAILBOXES:
        return Refusal.NOT_A_PERSON
    draft.set_unusable_password()
    return Plan(draft, Verdict.NEW)


def _plan_change(agent: Agent, draft: Agent, row: Row, seen: SeenNames) -> Plan | Refusal:
    fields = tuple(name for name in COLUMNS if name in row and getattr(agent, name) != getattr(draft, name))
    if not fields:
        return Plan(agent, Verdict.UNCHANGED)
    if agent.is_superuser:
        return Refusal.SUPERUSER
    seen.add(_list_all_names(agent))
    for name in fields:
        setattr(agent, name, getattr(draft, name))
    return Plan(agent, Verdict.CHANGED, fields)


def _write_plans(plans: list[Plan], actor: Agent | None) -> None:
    new = [plan for plan in plans if plan.verdict is Verdict.NEW]
    changed = [plan for plan in plans if plan.verdict is Verdict.CHANGED]
    Agent.objects.bulk_create(plan.agent for plan in new)
    if changed:
        agents = [plan.agent for plan in changed]
        Agent.objects.bulk_update(agents, sorted({name for plan in changed for name in plan.fields}))
        AgentSession.objects.filter(agent__in=[agent for agent in agents if not agent.can_sign_in]).delete()
    _record_plans(Event.AGENT_ADDED_BY_FILE, new, actor)
    _record_plans(Event.AGENT_CHANGED_BY_FILE, changed, actor)


def _record_plans(event: Event, plans: Iterable[Plan], actor: Agent | None) -> None:
    """Record one event an agent: readers of the audit log ask what happened to a person, not which file was read."""
    record_many(event, ((plan.agent, {"fields": ", ".join(plan.fields)}) for plan in plans), actor)
