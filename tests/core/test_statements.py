"""Statements that are made once: the same rows as the ORM's, and nothing that a changed row hides."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import AgentSession
from accounts.sessions.store import SESSION_BY_KEY
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.audit.record import draft, record
from cerbere.provider.models import CLIENT_BY_ID, GRANT_BY_ACCESS_TOKEN, GRANT_BY_CODE, Client, Grant, ParkedRequest
from cerbere.writes import Change, change, insert, new, write

NOW = timezone.now()


def a_grant(client, agent, **columns):
    return Grant(
        client=client, agent=agent, code_digest="d", redirect_uri="https://rp.test/", claims={"userinfo": {}},
        strength=1, acr="eidas1", auth_time=NOW, created_at=NOW, **columns,
    )  # fmt: skip


@pytest.fixture
def client(db):
    return Client.objects.create(client_id="rp", name="RP", redirect_uris=["https://rp.test/"], jwks={"keys": []})


def values(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def elsewhere(sql, *values):
    """By another session."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute(sql, values)


def test_a_row_is_read_as_the_orm_reads_it(client):
    assert values(CLIENT_BY_ID("rp")) == values(Client.objects.get(client_id="rp"))


def test_a_row_comes_with_its_relations_also_those_that_are_absent(client, camille, django_assert_num_queries):
    insert(a_grant(client, camille))
    with django_assert_num_queries(1):
        grant = GRANT_BY_CODE("d")
        assert (grant.client, grant.agent, grant.session) == (client, camille, None)
        assert not hasattr(grant.agent, "otp_mel")


def test_what_does_not_exist_is_none(client):
    assert CLIENT_BY_ID("other") is None
    assert CLIENT_BY_ID("") is None


def test_a_change_is_seen_at_the_next_reading(client):
    assert CLIENT_BY_ID("rp").enabled
    Client.objects.update(enabled=False)
    assert not CLIENT_BY_ID("rp").enabled


@pytest.mark.parametrize("model", [AgentSession, AuditEvent, Grant, ParkedRequest])
@time_machine.travel(NOW, tick=False)
def test_a_row_is_made_as_the_model_makes_it(model):
    some = {field.attname: "given" for field in model._meta.concrete_fields[1::2]}
    ours, theirs = vars(new(model, **some)), vars(model(**some))
    assert (ours.pop("_state").adding, theirs.pop("_state").adding) == (True, True)
    drawn = {name for name, value in theirs.items() if isinstance(value, UUID)}
    assert {**ours, **dict.fromkeys(drawn)} == {**theirs, **dict.fromkeys(drawn)}
    assert all(isinstance(ours[name], UUID) and ours[name] != theirs[name] for name in drawn)


def test_a_column_that_the_model_does_not_have_is_an_error():
    with pytest.raises(AssertionError, match=r"AuditEvent has no .'agent_id'"):
        new(AuditEvent, agent_id=1)


def test_a_new_row_is_what_the_orm_would_have_written_and_knows_its_number(client, camille):
    written = a_grant(client, camille)
    insert(written)
    assert values(Grant.objects.get(pk=written.pk)) == values(written)
    written.scope = "openid"
    written.save()  # an update, not a second row
    assert Grant.objects.get().scope == "openid"


def test_what_is_written_before_a_row_is_written_with_it(client, camille):
    redeemed = a_grant(client, camille, redeemed_at=NOW)
    insert(redeemed)
    forget = "DELETE FROM provider_grant WHERE redeemed_at <= %s AND scope = %s"
    new = Client(client_id="new", name="New", redirect_uris=["https://rp.test/"], jwks={"keys": []}, created_at=NOW)
    insert(new, after=(forget, NOW, redeemed.scope))
    assert (CLIENT_BY_ID("new"), Grant.objects.count()) == (new, 0)


def test_a_refused_row_leaves_the_transaction_to_be_rolled_back(client, camille):
    insert(a_grant(client, camille))
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():  # noqa: PT012
        with pytest.raises(IntegrityError):
            insert(a_grant(client, camille))
        Grant.objects.count()


def test_a_change_happens_once(client, camille):
    grant = a_grant(client, camille)
    insert(grant)
    assert change(Grant, grant.pk, {"redeemed_at": None, "revoked_at": None}, redeemed_at=NOW, access_digest="a")
    assert not change(Grant, grant.pk, {"redeemed_at": None, "revoked_at": None}, redeemed_at=NOW, access_digest="b")
    kept = Grant.objects.get()
    assert (kept.redeemed_at, kept.access_digest) == (NOW, "a")


def test_a_row_is_written_with_the_change_and_not_without_it(client, camille):
    grant = a_grant(client, camille)
    insert(grant)
    events = [draft(Event.TOKEN_ISSUED, camille, client_id="rp", n=n) for n in range(2)]
    happened = [change(Grant, grant.pk, {"redeemed_at": None}, then=[event], redeemed_at=NOW) for event in events]
    assert happened == [True, False]
    assert values(AuditEvent.objects.get()) == values(events[0])
    assert events[1].pk is None


def test_several_rows_are_written_with_the_change_or_nothing_is(client, camille):
    grant = a_grant(client, camille)
    insert(grant)
    event, twin = draft(Event.TOKEN_ISSUED, camille, client_id="rp"), a_grant(client, camille)
    with pytest.raises(IntegrityError), transaction.atomic():
        change(Grant, grant.pk, then=[event, twin], redeemed_at=NOW)
    assert (Grant.objects.get().redeemed_at, AuditEvent.objects.count()) == (None, 0)
    twin.code_digest = "other"
    assert change(Grant, grant.pk, then=[event, twin], redeemed_at=NOW)
    assert values(AuditEvent.objects.get(pk=event.pk)) == values(event)
    assert values(Grant.objects.get(pk=twin.pk)) == values(twin)


def test_a_change_happens_while_the_row_holds_what_was_read(client, camille):
    grant = a_grant(client, camille, nonce="n")
    insert(grant)
    assert not change(Grant, grant.pk, {"nonce": "other", "redeemed_at": None}, redeemed_at=NOW)
    assert not change(Grant, grant.pk, {"nonce": "n", "redeemed_at": NOW}, redeemed_at=NOW)
    assert change(Grant, grant.pk, {"nonce": "n", "redeemed_at": None}, redeemed_at=NOW)
    assert change(Grant, grant.pk, {"nonce": "n", "redeemed_at": NOW}, redeemed_at=None)


@pytest.mark.parametrize("first", ["n", "other"])
@pytest.mark.parametrize("second", ["n", "other"])
def test_another_row_is_changed_with_the_first_and_not_without_it(client, camille, first, second):
    grants = [a_grant(client, camille, nonce="n") for _ in range(2)]
    for number, grant in enumerate(grants):
        grant.code_digest = str(number)
        insert(grant)
    one, other = grants
    event = draft(Event.TOKEN_ISSUED, camille)
    happens = change(
        Grant, one.pk, {"nonce": first}, then=[Change(Grant, other.pk, {"scope": "s"}, {"nonce": second}), event],
        redeemed_at=NOW,
    )  # fmt: skip
    assert happens is (first == second == "n")
    assert (Grant.objects.get(pk=one.pk).redeemed_at is not None) is happens
    assert (Grant.objects.get(pk=other.pk).scope == "s") is happens
    assert [values(written) for written in AuditEvent.objects.all()] == ([values(event)] if happens else [])


def test_what_is_also_written_is_written_with_a_change_and_without_it(client, camille):
    grant = a_grant(client, camille)
    insert(grant)
    event, renamed = draft(Event.TOKEN_ISSUED, camille), "UPDATE provider_client SET name = %s"
    assert change(Grant, grant.pk, then=[event], also=(renamed, "A"), redeemed_at=NOW)
    assert (CLIENT_BY_ID("rp").name, AuditEvent.objects.get(), Grant.objects.get().redeemed_at) == ("A", event, NOW)
    assert not change(Grant, grant.pk, {"redeemed_at": None}, also=(renamed, "B"), redeemed_at=None)
    assert (CLIENT_BY_ID("rp").name, Grant.objects.get().redeemed_at) == ("B", NOW)


def test_a_change_touches_no_other_row(client, camille):
    grant = a_grant(client, camille)
    insert(grant)
    assert not change(Grant, grant.pk + 1, redeemed_at=NOW)
    assert Grant.objects.get().redeemed_at is None


def test_a_write_tells_how_many_rows_it_wrote_and_takes_moments(client):
    sql = "UPDATE provider_client SET created_at = %s WHERE client_id = %s AND created_at <= %s"
    assert write(sql, NOW, "other", NOW) == 0
    assert write(sql, NOW, "rp", NOW - timedelta(days=1)) == 0
    assert write(sql, NOW, "rp", timezone.now()) == 1
    assert Client.objects.get().created_at == NOW


def test_a_refused_write_leaves_the_transaction_to_be_rolled_back(client):
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():  # noqa: PT012
        with pytest.raises(IntegrityError):
            write("UPDATE provider_client SET name = NULL WHERE client_id = %s", "rp")
        Client.objects.count()


def test_the_journal_s_rows_are_written_whole(camille):
    event = record(Event.SIGN_OUT, camille, reason="é" * 300)
    assert values(AuditEvent.objects.get()) == values(event)


@pytest.mark.postgresql
@pytest.mark.parametrize("read", [CLIENT_BY_ID, GRANT_BY_CODE, GRANT_BY_ACCESS_TOKEN, SESSION_BY_KEY])
def test_a_plan_that_was_made_for_empty_tables_uses_their_indexes(db, read):
    assert read("nobody") is None
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(f"EXPLAIN {read._made._sql}", ["nobody"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan
