"""Statements that every sign-on sends, prepared once a connection and sent by libpq itself.

psycopg's cursors do the same for any statement, looking anew at each: that takes Python twice as long.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

Answer = tuple[tuple[Any, ...] | None, int]  # the first row, if there is one, and of how many rows it tells
INFERRED, MOMENT = 0, 1184  # oids of PostgreSQL's types
NUMBERS = count()  # of the process: no name serves twice
PLACEHOLDER = re.compile("%s|%%")


def send(connection: Connection[Any], sql: str, values: Sequence[Any]) -> Answer:
    """Raises psycopg.Error. Prepared anew if the server has forgotten it, or a migration has changed its answer.

    Not after others in one transaction, which such an error ends: then the next that asks prepares it.
    """
    alone = connection.autocommit or _begins(connection)
    known: dict[str, _Prepared] = vars(connection).setdefault("known_statements", {})
    if sql in known:
        try:
            return known[sql].send(values)
        except (InvalidSqlStatementName, FeatureNotSupported):  # the server has done nothing
            known.pop(sql)
            if not alone:
                raise
            _begin_again(connection)
    known[sql] = _Prepared(connection, sql, values)
    return known[sql].send(values)


def _begins(connection: Connection[Any]) -> bool:
    """As psycopg's cursors begin a transaction before its first statement. False if it has begun."""
    begins = connection.pgconn.transaction_status == TransactionStatus.IDLE
    if begins:
        command(connection, connection._get_tx_start_command())
    return begins


def _begin_again(connection: Connection[Any]) -> None:
    if not connection.autocommit:
        command(connection, b"ROLLBACK")
        _begins(connection)


def forget(connection: Connection[Any]) -> None:
    """And have the server forget: psycopg does so after a rollback, but only if it has statements of its own."""
    if vars(connection).pop("known_statements", None):
        connection.pgconn.exec_(b"DEALLOCATE ALL")


def command(connection: Connection[Any], sql: bytes) -> None:
    _checked(connection.pgconn, connection.pgconn.exec_(sql))


def _checked(pgconn: PGconn, result: PGresult) -> PGresult:
    if pgconn.status != ConnStatus.OK:
        raise OperationalError("the connection is lost")
    if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise error_from_result(result)
    return result


class _Prepared:
    """One statement on one connection, made with the first of its values: moments are told to be moments.

    What the others are PostgreSQL infers from where they stand.
    """

    def __init__(self, connection: Connection[Any], sql: str, values: Sequence[Any]) -> None:
        numbers = count(1)
        numbered = PLACEHOLDER.sub(lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", sql)
        self._pgconn: PGconn = connection.pgconn
        self._name, self._has_loaders = b"cerbere_%d" % next(NUMBERS), False
        self._transformer = Transformer(connection)
        types = [MOMENT if isinstance(value, datetime) else INFERRED for value in values]
        _checked(self._pgconn, self._pgconn.prepare(self._name, numbered.encode(), types))

    def send(self, values: Sequence[Any]) -> Answer:
        texts: list[Any] = list(self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values)))
        result = _checked(self._pgconn, self._pgconn.exec_prepared(self._name, texts))
        row = None
        if result.ntuples:
            self._transformer.set_pgresult(result, set_loaders=not self._has_loaders)
            self._has_loaders = True
            row = self._transformer.load_row(0, tuple)
        return row, result.command_tuples or 0
