"""Connections and the statements prepared on them: what ends, what is forgotten, what somebody else holds."""

import psycopg
import pytest
from django.db import DataError, IntegrityError, OperationalError, close_old_connections, connection, transaction
from django.utils import timezone

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.audit.record import draft
from cerbere.provider.models import CLIENT_BY_ID, GRANT_BY_CODE, Client, Grant
from cerbere.writes import Change, change, insert, write
from tests.core.test_statements import NOW, a_grant, elsewhere, values
from tests.support.people import make_agent


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
