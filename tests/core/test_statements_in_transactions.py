"""Statements sent past the cursors, inside transactions: whatever comes first begins it, one of them or a cursor."""

from contextlib import nullcontext

import pytest
from django.db import (
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
    connection,
    transaction,
)

from cerbere.provider.models import CLIENT_BY_ID, Client
from cerbere.writes import write
from tests.core.test_statements import elsewhere

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
RENAME = "UPDATE provider_client SET name = %s WHERE client_id = 'rp'"


@pytest.fixture
def rp(transactional_db):
    return Client.objects.create(client_id="rp", name="RP", redirect_uris=["https://rp.test/"])


def test_a_statement_that_begins_one_is_undone_with_it_and_kept_with_it(rp):
    for undone, name in ((True, "RP"), (False, "new")):
        with transaction.atomic():
            assert write(RENAME, "new") == 1
            transaction.set_rollback(undone)
        assert CLIENT_BY_ID("rp").name == name


def test_nobody_sees_it_before_its_end(rp):
    with transaction.atomic():
        write(RENAME, "new")
        elsewhere("DO $$BEGIN ASSERT (SELECT name = 'RP' FROM provider_client); END$$")
    elsewhere("DO $$BEGIN ASSERT (SELECT name = 'new' FROM provider_client); END$$")


def test_it_begins_as_the_connection_says(rp):
    connection.connection.read_only = True
    try:
        with pytest.raises(InternalError), transaction.atomic():
            write(RENAME, "new")
    finally:
        connection.connection.read_only = None


def test_statements_and_cursors_share_it_and_its_savepoints(rp):
    with transaction.atomic():
        write(RENAME, "kept")
        with transaction.atomic():
            Client.objects.create(client_id="other", name="Other", redirect_uris=["https://rp.test/"])
            write(RENAME, "undone")
            transaction.set_rollback(True)
        assert (CLIENT_BY_ID("rp").name, CLIENT_BY_ID("other")) == ("kept", None)
    assert CLIENT_BY_ID("rp").name == "kept"


def test_a_refused_row_undoes_its_savepoint_alone(rp):
    with transaction.atomic():
        write(RENAME, "kept")
        with pytest.raises(IntegrityError), transaction.atomic():
            write(RENAME, None)
        assert CLIENT_BY_ID("rp").name == "kept"
    assert CLIENT_BY_ID("rp").name == "kept"


def test_a_savepoint_that_is_undone_takes_no_statement_with_it(rp):
    """Neither ours nor those that psycopg prepares, which has the server forget them all after a rollback."""
    for _ in range(4):
        with transaction.atomic():
            assert CLIENT_BY_ID("rp")
            with transaction.atomic():
                assert Client.objects.get(client_id="rp")
                write(RENAME, "undone")
                transaction.set_rollback(True)
            assert Client.objects.get(client_id="rp") == CLIENT_BY_ID("rp")
            assert write(RENAME, "kept")


def test_after_an_error_nothing_is_asked_and_all_is_undone(rp):
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():  # noqa: PT012
        write(RENAME, "undone")
        with pytest.raises(IntegrityError):
            write(RENAME, None)
        CLIENT_BY_ID("rp")
    assert CLIENT_BY_ID("rp").name == "RP"


def test_an_error_that_only_a_cursor_saw_is_told(rp):
    with pytest.raises(InternalError), transaction.atomic():  # noqa: PT012
        with connection.cursor() as cursor, pytest.raises(ProgrammingError):
            cursor.execute("SELECT nothing")
        CLIENT_BY_ID("rp")


def deallocate():
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")


def test_a_first_statement_that_the_server_has_forgotten_is_prepared_anew(rp):
    assert write(RENAME, "RP")
    deallocate()
    with transaction.atomic():
        assert write(RENAME, "undone")
        transaction.set_rollback(True)
    assert CLIENT_BY_ID("rp").name == "RP"


@pytest.mark.parametrize("block", [transaction.atomic, nullcontext])
def test_a_later_one_ends_the_transaction_and_serves_the_next(rp, block):
    """Also if the next begins in the same transaction, after its savepoint."""
    assert CLIENT_BY_ID("rp")
    with block():
        deallocate()
        with pytest.raises(ProgrammingError), transaction.atomic():  # noqa: PT012
            write(f"{RENAME} AND name = %s", "undone", "RP")
            CLIENT_BY_ID("rp")
        with transaction.atomic():
            assert CLIENT_BY_ID("rp").name == "RP"


def test_what_is_prepared_in_one_that_is_undone_serves_the_next(rp):
    for _ in range(2):
        with transaction.atomic():
            assert CLIENT_BY_ID("rp")
            transaction.set_rollback(True)
    assert CLIENT_BY_ID("rp")


def test_a_connection_that_ends_in_one_is_an_operational_error_and_replaced(rp):
    with pytest.raises(OperationalError), transaction.atomic():  # noqa: PT012
        with connection.cursor() as cursor:
            backend = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
        elsewhere("SELECT pg_terminate_backend(%s, 5000)", backend)
        CLIENT_BY_ID("rp")
    close_old_connections()
    assert CLIENT_BY_ID("rp")
