"""Connections to PostgreSQL: one a thread, looked at before each request, replaced when the server cannot be used."""

import threading

import pytest
from django.db import OperationalError, close_old_connections, connection

from cerbere.provider.clients.models import Client
from tests.support.database import execute_elsewhere

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def backend():
    with connection.cursor() as cursor:
        return cursor.execute("SELECT pg_backend_pid()").fetchone()[0]


def next_request():
    """Look at the connection as Django does before each request."""
    close_old_connections()


def test_a_connection_serves_one_request_after_the_other():
    first = backend()
    next_request()
    assert backend() == first


def test_a_connection_that_the_server_has_closed_is_replaced_unseen():
    first = backend()
    execute_elsewhere("SELECT pg_terminate_backend(%s, 5000)", first)
    next_request()
    assert backend() != first


def test_a_connection_that_ends_during_a_request_is_an_operational_error_and_replaced_for_the_next():
    execute_elsewhere("SELECT pg_terminate_backend(%s, 5000)", backend())
    with pytest.raises(OperationalError):
        Client.objects.exists()
    next_request()
    assert not Client.objects.exists()


def test_a_connection_of_a_database_that_was_read_only_is_replaced_once_it_writes_again():
    name = connection.settings_dict["NAME"]
    try:
        execute_elsewhere(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        connection.close()
        read_only = backend()
    finally:
        execute_elsewhere(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    next_request()
    assert backend() != read_only
    Client.objects.create(client_id="rp", name="RP")


def test_a_thread_that_ends_closes_its_connection():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(backend()))
    thread.start()
    thread.join()
    gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    for _ in range(100):
        if execute_elsewhere(gone, seen[0])[0] == 0:
            return
        execute_elsewhere("SELECT pg_sleep(0.05)")
    raise AssertionError("the connection of a thread that has ended is still open")
