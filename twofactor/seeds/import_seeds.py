"""Import the Bnum's secrets. It activates no method: the agent still proves the secret with a code."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from accounts.models import PERSON_MAILBOXES, SHARED_MAILBOX_MARK, Agent
from cerbere.audit.events import Event
from cerbere.audit.record import record_many
from cerbere.core.imports.engine import Lines, import_in_batches
from cerbere.core.imports.report import LineVerdict
from cerbere.core.imports.seen_names import SeenNames
from twofactor.secret_encodings import ADVISED_BYTES
from twofactor.seed_formats import Entry, Fault, NumberedEntries
from twofactor.seeds.models import ImportedSeed
from twofactor.seeds.sealing import SeedKeyError

SHORT = "too_short"  # remark: below the advised 80 bits; accepted, because the Bnum has such secrets


class Verdict(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    UNKNOWN_AGENT = "unknown_agent"
    NOT_A_PERSON = "not_a_person"
    DUPLICATE = "duplicate"  # the first line of an agent counts, the others are left alone


VERDICTS_TO_WRITE = (Verdict.NEW, Verdict.REPLACED)


@dataclass(frozen=True)
class Plan:
    """One entry, and its agent if there is one."""

    entry: Entry
    agent: Agent | None
    verdict: Verdict


class KnownAgents:
    """The agents that a batch of entries is about, and the seeds that they have."""

    def __init__(self, uids: set[str], lock: bool) -> None:
        agents = Agent.objects.filter(uid__in=uids).order_by("pk")  # two imports lock in one order
        self.by_uid = {agent.uid: agent for agent in (agents.select_for_update() if lock else agents)}
        seeds = ImportedSeed.objects.filter(agent__in=[agent.pk for agent in self.by_uid.values()])
        self.seeds = {seed.agent_id: seed for seed in seeds}  # read once the agents are locked


def import_seeds(entries: NumberedEntries, now: datetime, apply: bool) -> Iterator[list[LineVerdict]]:
    """Yield the verdicts of one batch of entries after the other; write those that are new or replaced if `apply`.

    Raises SeedKeyError, and what the reader of `entries` raises.
    """
    return import_in_batches(entries, partial(_import_batch, now=now, apply=apply))


def _import_batch(batch: Lines[Entry | Fault], seen: SeenNames, now: datetime, apply: bool) -> list[LineVerdict]:
    known = KnownAgents({entry.uid for _, entry in batch if isinstance(entry, Entry)}, lock=apply)
    plans = [
        (number, entry if isinstance(entry, Fault) else _plan_entry(entry, known, seen)) for number, entry in batch
    ]
    if apply:
        _write_plans([plan for _, plan in plans if isinstance(plan, Plan)], now)
    return [_to_verdict(number, plan) for number, plan in plans]


def _to_verdict(number: int, plan: Plan | Fault) -> LineVerdict:
    if isinstance(plan, Fault):
        return LineVerdict(number, plan)
    if plan.agent is None:
        return LineVerdict(number, plan.verdict)
    remark = SHORT if len(plan.entry.seed) < ADVISED_BYTES else ""
    return LineVerdict(number, plan.verdict, plan.agent.uid, remark)


def _plan_entry(entry: Entry, known: KnownAgents, seen: SeenNames) -> Plan:
    agent = known.by_uid.get(entry.uid)
    verdict = _decide_verdict(agent, entry, known, seen)
    if agent:
        seen.add([str(agent.pk)])
    return Plan(entry, agent, verdict)


def _decide_verdict(agent: Agent | None, entry: Entry, known: KnownAgents, seen: SeenNames) -> Verdict:
    if SHARED_MAILBOX_MARK in entry.uid or (agent and agent.mailbox not in PERSON_MAILBOXES):
        return Verdict.NOT_A_PERSON
    if agent is None:
        return Verdict.UNKNOWN_AGENT
    if str(agent.pk) in seen:
        return Verdict.DUPLICATE
    imported = known.seeds.get(agent.pk)
    if imported is None:
        return Verdict.NEW
    return Verdict.UNCHANGED if _holds_seed(imported, entry.seed) else Verdict.REPLACED


def _holds_seed(imported: ImportedSeed, seed: bytes) -> bool:
    """Return whether the row holds this seed. One that does not open (its key is gone) is replaced by the import."""
    try:
        return imported.seed == seed
    except SeedKeyError:
        return False


def _write_plans(plans: list[Plan], now: datetime) -> None:
    written = [(plan.agent, plan) for plan in plans if plan.agent and plan.verdict in VERDICTS_TO_WRITE]
    ImportedSeed.objects.bulk_create(
        (_make_imported_seed(agent, plan.entry.seed, now) for agent, plan in written),
        update_conflicts=True, unique_fields=["agent"], update_fields=["sealed_seed", "imported_at"],
    )  # fmt: skip
    record_many(Event.OTP_MEL_IMPORTED, ((agent, {"verdict": plan.verdict}) for agent, plan in written))


def _make_imported_seed(agent: Agent, seed: bytes, now: datetime) -> ImportedSeed:
    imported = ImportedSeed(agent=agent, imported_at=now)
    imported.seal(seed)
    return imported
