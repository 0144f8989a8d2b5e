"""The act of importing the Bnum's secrets. It activates nothing: the agent still proves the secret with a code."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.models import PEOPLE, SHARED_MAILBOX_MARK, Agent
from cerbere.audit.events import Event
from cerbere.audit.record import record_many
from cerbere.core.batches import batched
from cerbere.core.imports.lines import BATCH, Judged, Seen
from cerbere.core.imports.transaction import batch_transaction
from twofactor.models import ImportedSeed
from twofactor.seed_formats import Entry, Fault, Found
from twofactor.seeds.sealing import SeedKeyError
from twofactor.sources.answers import ADVISED_BYTES

SHORT = "too_short"  # remark: below the advised 80 bits; accepted, because the Bnum has such secrets


class Verdict(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    UNKNOWN_AGENT = "unknown_agent"
    NOT_A_PERSON = "not_a_person"
    DUPLICATE = "duplicate"  # the first line of an agent counts, the others are left alone


WRITTEN = (Verdict.NEW, Verdict.REPLACED)


@dataclass(frozen=True)
class Planned:
    """One entry, and the agent whose it is if there is one."""

    entry: Entry
    agent: Agent | None
    verdict: Verdict

    def judged(self, number: int) -> Judged:
        if self.agent is None:
            return Judged(number, self.verdict)
        return Judged(number, self.verdict, self.agent.uid, SHORT if len(self.entry.seed) < ADVISED_BYTES else "")


class Known:
    """The agents that a batch of entries is about, and the seeds that they have."""

    def __init__(self, uids: set[str], lock: bool) -> None:
        agents = Agent.objects.filter(uid__in=uids).order_by("pk")  # two imports lock in one order
        self.agents = {agent.uid: agent for agent in (agents.select_for_update() if lock else agents)}
        seeds = ImportedSeed.objects.filter(agent__in=[agent.pk for agent in self.agents.values()])
        self.seeds = {seed.agent_id: seed for seed in seeds}  # read once the agents are locked


def import_seeds(found: Found, now: datetime, apply: bool) -> Iterator[list[Judged]]:
    """Judge batch after batch, and write what is new or replaced if `apply`, each batch in its own transaction.

    Constant memory. Raises SeedKeyError, and what the reader raises.
    """
    with closing(Seen()) as seen:
        for batch in batched(found, BATCH):
            with batch_transaction():
                plans = _plan(batch, seen, apply)
                if apply:
                    _write([plan for _, plan in plans if isinstance(plan, Planned)], now)
            yield [plan.judged(number) if isinstance(plan, Planned) else Judged(number, plan) for number, plan in plans]


def _plan(batch: list[tuple[int, Entry | Fault]], seen: Seen, lock: bool) -> list[tuple[int, Planned | Fault]]:
    known = Known({entry.uid for _, entry in batch if isinstance(entry, Entry)}, lock)
    return [(number, entry if isinstance(entry, Fault) else _planned(entry, known, seen)) for number, entry in batch]


def _planned(entry: Entry, known: Known, seen: Seen) -> Planned:
    agent = known.agents.get(entry.uid)
    verdict = _verdict(agent, entry, known, seen)
    if agent:
        seen.add([str(agent.pk)])
    return Planned(entry, agent, verdict)


def _verdict(agent: Agent | None, entry: Entry, known: Known, seen: Seen) -> Verdict:
    if SHARED_MAILBOX_MARK in entry.uid or (agent and agent.mailbox not in PEOPLE):
        return Verdict.NOT_A_PERSON
    if agent is None:
        return Verdict.UNKNOWN_AGENT
    if str(agent.pk) in seen:
        return Verdict.DUPLICATE
    imported = known.seeds.get(agent.pk)
    if imported is None:
        return Verdict.NEW
    return Verdict.UNCHANGED if _holds(imported, entry.seed) else Verdict.REPLACED


def _holds(imported: ImportedSeed, seed: bytes) -> bool:
    """A row that does not open (its key is gone) holds nothing: importing again is the way to mend it."""
    try:
        return imported.seed == seed
    except SeedKeyError:
        return False


def _write(plans: list[Planned], now: datetime) -> None:
    written = [(plan.agent, plan) for plan in plans if plan.agent and plan.verdict in WRITTEN]
    ImportedSeed.objects.bulk_create(
        (_sealed(agent, plan.entry.seed, now) for agent, plan in written),
        update_conflicts=True, unique_fields=["agent"], update_fields=["sealed_seed", "imported_at"],
    )  # fmt: skip
    record_many(Event.OTP_MEL_IMPORTED, ((agent, {"verdict": plan.verdict}) for agent, plan in written))


def _sealed(agent: Agent, seed: bytes, now: datetime) -> ImportedSeed:
    imported = ImportedSeed(agent=agent, imported_at=now)
    imported.seal(seed)
    return imported
