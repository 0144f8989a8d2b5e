"""The act of importing the Bnum's secrets. It activates nothing: the agent still proves the secret with a code."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from accounts.models import PEOPLE, SHARED_MAILBOX_MARK, Agent
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.models import ImportedSeed
from twofactor.seed_lines import Entry, Fault, Text, read
from twofactor.seeds import SeedKeyError
from twofactor.sources.answers import ADVISED_BYTES


class Verdict(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    UNKNOWN_AGENT = "unknown_agent"
    NOT_A_PERSON = "not_a_person"
    DUPLICATE = "duplicate"  # the first line of an agent counts, the others are left alone


@dataclass(frozen=True)
class Judged:
    """One line. `uid` only of an agent that exists: in a file with swapped columns it may be a secret."""

    number: int
    verdict: Verdict | Fault
    uid: str = ""
    is_short: bool = False  # below the advised 80 bits; accepted, because the Bnum has such secrets


def import_seeds(text: Text, encoding: str, now: datetime, apply: bool) -> Iterator[Judged]:
    """Judge line after line, and write what is new or replaced if `apply`, each line in its own transaction.

    Remembers one number an agent, whatever the length of the file. Raises NoHeader, SeedKeyError.
    """
    seen: set[int] = set()
    for number, entry in read(text, encoding):
        if isinstance(entry, Fault):
            yield Judged(number, entry)
            continue
        agent = Agent.objects.select_related("imported_seed").filter(uid=entry.uid).first()
        verdict = _verdict(agent, entry, seen)
        if agent is None:
            yield Judged(number, verdict)
            continue
        seen.add(agent.pk)
        if apply and verdict in (Verdict.NEW, Verdict.REPLACED):
            _write(agent, entry, now, verdict)
        yield Judged(number, verdict, agent.uid, len(entry.seed) < ADVISED_BYTES)


def _verdict(agent: Agent | None, entry: Entry, seen: set[int]) -> Verdict:
    if SHARED_MAILBOX_MARK in entry.uid or (agent and agent.mailbox not in PEOPLE):
        return Verdict.NOT_A_PERSON
    if agent is None:
        return Verdict.UNKNOWN_AGENT
    if agent.pk in seen:
        return Verdict.DUPLICATE
    imported: ImportedSeed | None = getattr(agent, "imported_seed", None)
    if imported is None:
        return Verdict.NEW
    return Verdict.UNCHANGED if _holds(imported, entry.seed) else Verdict.REPLACED


def _holds(imported: ImportedSeed, seed: bytes) -> bool:
    """A row that does not open (its key is gone) holds nothing: importing again is the way to mend it."""
    try:
        return imported.seed == seed
    except SeedKeyError:
        return False


def _write(agent: Agent, entry: Entry, now: datetime, verdict: Verdict) -> None:
    imported = ImportedSeed(agent=agent)
    imported.seal(entry.seed)
    with transaction.atomic():
        ImportedSeed.objects.update_or_create(
            agent=agent, defaults={"sealed_seed": imported.sealed_seed, "imported_at": now}
        )
        record(Event.OTP_MEL_IMPORTED, agent, verdict=verdict)
