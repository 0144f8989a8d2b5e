"""Imports at the same time, on PostgreSQL: every line is judged, and every agent and seed is there once."""

import io

import pytest
from django.db import connection
from django.utils import timezone

from accounts.agent_imports import import_agents as agents_act
from accounts.models import Agent
from cerbere.audit.models import AuditEvent
from cerbere.core.imports import engine
from cerbere.core.imports.engine import batch_transaction
from tests.support.at_once import run_at_once
from twofactor.seed_formats import Entry
from twofactor.seeds import import_seeds as seeds_act
from twofactor.seeds.models import ImportedSeed

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
COUNT = 60


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(engine, "BATCH", 20)


def by_four(imported):
    """Run four imports of the same content at once, each on its own connection, and return all verdicts."""

    def one(_):
        return [line.verdict for batch in imported() for line in batch]

    return [verdict for verdicts in run_at_once(one, range(4)) for verdict in verdicts]


def text():
    return ("uid,given_name,family_name\n" + "".join(f"agent.{n},A,B\n" for n in range(COUNT))).encode()


def test_the_same_agents_at_once():
    verdicts = by_four(lambda: agents_act.import_agents(io.BytesIO(text()), apply=True))
    assert sorted(verdicts) == ["new"] * COUNT + ["unchanged"] * 3 * COUNT
    assert Agent.objects.count() == AuditEvent.objects.count() == COUNT


def test_the_same_seeds_at_once():
    Agent.objects.bulk_create(Agent(uid=f"agent.{n}", given_name="A", family_name="B") for n in range(COUNT))
    entries = [(n, Entry(f"agent.{n}", b"invented-%011d" % n)) for n in range(COUNT)]
    verdicts = by_four(lambda: seeds_act.import_seeds(iter(entries), timezone.now(), apply=True))
    assert sorted(verdicts) == ["new"] * COUNT + ["unchanged"] * 3 * COUNT
    assert ImportedSeed.objects.count() == AuditEvent.objects.count() == COUNT


def mode():
    with connection.cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        return cursor.fetchone()[0]


def test_a_batch_is_planned_for_what_it_holds_and_nothing_after_it():
    with batch_transaction():
        assert mode() == "force_custom_plan"
    assert mode() == "auto"
