"""Django's PostgreSQL, doing once what it does for each request, statement or value.

Connections are looked at instead of asked, statements stay prepared, moments are read by Python itself.
docs/decisions/0024-statements-made-once.md tells what it gains.
"""

import select
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache
from threading import local
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import TransactionStatus

from cerbere.postgresql.prepared import Answer, command, forget, send


class DatabaseWrapper(base.DatabaseWrapper):
    """Each thread keeps its connection (CONN_MAX_AGE) until it ends, or the server does."""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        return params | {"context": _adapters(params["context"], self.timezone)}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        connection: Connection[Any] = super().get_new_connection(conn_params)
        vars(OF_THIS_THREAD)[self.alias] = _ClosedAtLast(connection)
        return connection

    def close_if_unusable_or_obsolete(self) -> None:
        """Before each request, also when the server has closed it.

        Django's own check (CONN_HEALTH_CHECKS) asks the server, which costs as much as a statement.
        """
        if self.connection is not None and not self.in_atomic_block and _is_over(self.connection):
            self.close()
        super().close_if_unusable_or_obsolete()

    def can_send(self) -> bool:
        """Whether `send` may: while nobody watches statements."""
        return not (self.execute_wrappers or self.force_debug_cursor)

    def send(self, sql: str, values: Sequence[Any]) -> Answer:
        """Ask by a statement that stays prepared on this connection. An error marks the atomic block for rollback.

        As Django's `mark_for_rollback_on_error`, without a generator for each statement.
        """
        if self.connection is None:
            self.ensure_connection()
        self.validate_no_broken_transaction()
        try:
            with self.wrap_database_errors:
                return send(self.connection, sql, values)
        except Exception as error:
            if self.in_atomic_block:
                self.needs_rollback, self.rollback_exc = True, error
            raise

    def _savepoint_rollback(self, sid: str) -> None:
        """Past psycopg's cursors, which would have the server forget all statements, ours too; they outlive it."""
        with self.wrap_database_errors:
            command(self.connection, self.ops.savepoint_rollback_sql(sid).encode())

    def rollback(self) -> None:
        super().rollback()
        if self.connection is not None:
            with self.wrap_database_errors:
                forget(self.connection)


OF_THIS_THREAD = local()


class _ClosedAtLast:
    """Held by nobody but a thread, so closed when it ends. Django's wrapper would wait for the garbage collector."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def __del__(self) -> None:
        self._connection.close()


def _is_over(connection: Connection[Any]) -> bool:
    """To an idle client a server says nothing but good-bye; a file that can be read holds that, or its end."""
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:  # somebody's transaction, or closed
        return True
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


@cache
def _adapters(of_django: AdaptersMap, zone: tzinfo) -> AdaptersMap:
    """With `datetime.fromisoformat` for moments: psycopg's pure Python takes four times as long for each."""

    class MomentLoader(Loader):
        timezone = zone  # which Django asks for; that of the connection, so it is the one in the text

        def load(self, data: Buffer) -> datetime:
            moment = datetime.fromisoformat(str(data, "ascii"))
            return moment if zone is UTC else moment.replace(tzinfo=zone)

    ours = AdaptersMap(of_django)
    ours.register_loader("timestamptz", MomentLoader)
    return ours
