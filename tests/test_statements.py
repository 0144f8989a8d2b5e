"""Statements that are made once: the same rows as the ORM's, and nothing that a changed row hides."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
import time_machine
from django.db import DataError, IntegrityError, OperationalError, close_old_connections, connection, transaction
from django.utils import timezone

from accounts.models import AgentSession
from accounts.sessions import SESSION_BY_KEY
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.audit.record import draft, record
from cerbere.provider.models import CLIENT_BY_ID, GRANT_BY_ACCESS_TOKEN, GRANT_BY_CODE, Client, Grant, ParkedRequest
from cerbere.writes import Change, change, insert, new, write
from tests.people import make_agent

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
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_has_closed_is_replaced_unseen():
    with connection.cursor() as cursor:
        backend = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
    elsewhere("SELECT pg_terminate_backend(%s, 5000)", backend)
    close_old_connections()  # as before each request
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT pg_backend_pid()").fetchone()[0] != backend


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_in_somebody_s_transaction_serves_no_other_request():
    with connection.cursor() as cursor:
        backend = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
        cursor.execute("BEGIN")
    close_old_connections()
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT pg_backend_pid()").fetchone()[0] != backend


@pytest.fixture
def outside_transactions(transactional_db):
    """As in a request, where what is done stays done."""
    assert not connection.in_atomic_block
    return Client.objects.create(client_id="rp", name="RP", redirect_uris=["https://rp.test/"])


@pytest.mark.postgresql
class TestOutsideTransactions:
    def test_a_row_is_written_and_read_as_the_orm_does(self, outside_transactions):
        agent = make_agent("camille.martin")
        written = a_grant(outside_transactions, agent, nonce="é", revoked_at=None)
        insert(written)
        assert values(Grant.objects.get()) == values(written) == values(GRANT_BY_CODE("d"))
        for happens in (True, False):
            event = draft(Event.TOKEN_ISSUED, agent)
            assert change(Grant, written.pk, {"redeemed_at": None}, then=[event], redeemed_at=NOW) is happens
        assert (GRANT_BY_CODE("d").redeemed_at, AuditEvent.objects.count()) == (NOW, 1)

    @pytest.mark.parametrize("held", [0, 1])
    def test_of_several_rows_none_is_changed_while_somebody_has_one_and_nobody_waits(self, outside_transactions, held):
        agent = make_agent("camille.martin")
        rows = [a_grant(outside_transactions, agent, nonce=str(n)) for n in range(2)]
        for row in rows:
            row.code_digest = row.nonce
            insert(row)
        both = {"then": [Change(Grant, rows[1].pk, {"revoked_at": NOW}, {"nonce": "1"})], "revoked_at": NOW}
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
            other.execute("SELECT FROM provider_grant WHERE id = %s FOR UPDATE", [rows[held].pk])
            assert not change(Grant, rows[0].pk, {"nonce": "0"}, **both)
        assert not Grant.objects.exclude(revoked_at=None).exists()
        assert change(Grant, rows[0].pk, {"nonce": "0"}, **both)
        assert not Grant.objects.filter(revoked_at=None).exists()

    def test_a_column_may_be_null_at_first_and_not_later(self, outside_transactions):
        assert change(Client, outside_transactions.pk, created_at=NOW, name="RP")
        with pytest.raises(IntegrityError):
            change(Client, outside_transactions.pk, created_at=None, name="RP")
        later = timezone.now()
        assert change(Client, outside_transactions.pk, created_at=later, name="RP")
        assert CLIENT_BY_ID("rp").created_at == later

    def test_a_refused_row_is_django_s_error_and_the_connection_serves_on(self, outside_transactions):
        agent = make_agent("camille.martin")
        insert(a_grant(outside_transactions, agent))
        with pytest.raises(IntegrityError):
            insert(a_grant(outside_transactions, agent))
        with pytest.raises(DataError):
            CLIENT_BY_ID("a\0b")
        assert CLIENT_BY_ID("rp") == outside_transactions

    def test_statements_that_a_rollback_has_forgotten_are_prepared_anew(self, outside_transactions):
        assert CLIENT_BY_ID("rp")
        with transaction.atomic():
            assert Client.objects.exists()
            transaction.set_rollback(True)
        assert not hasattr(connection.connection, "known_statements")
        assert CLIENT_BY_ID("rp")

    def test_rollbacks_leave_no_statement_behind_on_the_server(self, outside_transactions):
        for _ in range(3):
            assert CLIENT_BY_ID("rp")
            with transaction.atomic():
                write("UPDATE provider_client SET name = %s WHERE client_id = %s", "RP", "rp")
                transaction.set_rollback(True)
        left = connection.connection.pgconn.exec_(b"SELECT count(*) FROM pg_prepared_statements")
        assert left.get_value(0, 0) == b"0"

    def test_statements_that_the_server_has_forgotten_are_prepared_anew(self, outside_transactions):
        assert CLIENT_BY_ID("rp")
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        assert CLIENT_BY_ID("rp")

    def test_a_migration_under_a_running_node_is_seen(self, outside_transactions):
        assert CLIENT_BY_ID("rp")
        try:
            elsewhere("ALTER TABLE provider_client ALTER name TYPE text")
            assert CLIENT_BY_ID("rp").name == "RP"
        finally:
            elsewhere("ALTER TABLE provider_client ALTER name TYPE varchar(100)")
            with transaction.atomic():
                Client.objects.get()
                transaction.set_rollback(True)  # of what is prepared nothing is left to other tests

    def test_a_connection_that_ends_meanwhile_is_an_operational_error_and_replaced_for_the_next_request(
        self, outside_transactions
    ):
        with connection.cursor() as cursor:
            backend = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
        elsewhere("SELECT pg_terminate_backend(%s, 5000)", backend)
        with pytest.raises(OperationalError):
            CLIENT_BY_ID("rp")
        close_old_connections()
        assert CLIENT_BY_ID("rp")

    def test_whoever_watches_statements_sees_them(self, outside_transactions, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert CLIENT_BY_ID("rp")


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
