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
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

Answer = tuple[tuple[Any, ...] | None, int]  # the first row, if there is one, and of how many rows it tells
INFERRED, MOMENT = 0, 1184  # oids of PostgreSQL's types
NUMBERS = count()  # of the process: no name serves twice
PLACEHOLDER = re.compile("%s|%%")


def send(connection: Connection[Any], sql: str, values: Sequence[Any]) -> Answer:
    """Raises psycopg.Error. Prepared anew if the server has forgotten it, or a migration has changed its answer."""
    known: dict[str, _Prepared] = vars(connection).setdefault("known_statements", {})
    if sql in known:
        try:
            return known[sql].send(values)
        except (InvalidSqlStatementName, FeatureNotSupported):  # the server has done nothing
            known.pop(sql)
    known[sql] = _Prepared(connection, sql, values)
    return known[sql].send(values)


def forget(connection: Connection[Any]) -> None:
    """And have the server forget: psycopg does so after a rollback, but only if it has statements of its own."""
    if vars(connection).pop("known_statements", None):
        connection.pgconn.exec_(b"DEALLOCATE ALL")


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
        self._checked(self._pgconn.prepare(self._name, numbered.encode(), types))

    def send(self, values: Sequence[Any]) -> Answer:
        texts: list[Any] = list(self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values)))
        result = self._checked(self._pgconn.exec_prepared(self._name, texts))
        row = None
        if result.ntuples:
            self._transformer.set_pgresult(result, set_loaders=not self._has_loaders)
            self._has_loaders = True
            row = self._transformer.load_row(0, tuple)
        return row, result.command_tuples or 0

    def _checked(self, result: PGresult) -> PGresult:
        if self._pgconn.status != ConnStatus.OK:
            raise OperationalError("the connection is lost")
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise error_from_result(result)
        return result
