"""Django's PostgreSQL, with a check of pooled connections that sends nothing and moments read by Python itself."""

import select
from datetime import datetime, tzinfo
from functools import cache
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        return params | {"context": _adapters(params["context"], self.timezone)}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """One of the pool that the server has not closed since its last use.

        Django's own check (CONN_HEALTH_CHECKS) asks the server at each request, which costs as much as a statement.
        """
        connection: Connection[Any] = super().get_new_connection(conn_params)
        while self.pool and _is_over(connection):
            connection.close()
            self.pool.putconn(connection)  # which opens another in its place
            connection = super().get_new_connection(conn_params)
        return connection


def _is_over(connection: Connection[Any]) -> bool:
    """To an idle client a server says nothing but good-bye; a file that can be read holds that, or its end."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


@cache
def _adapters(of_django: AdaptersMap, zone: tzinfo) -> AdaptersMap:
    """With `datetime.fromisoformat` for moments: psycopg's pure Python takes four times as long for each."""

    class MomentLoader(Loader):
        timezone = zone  # which Django asks for; that of the connection, so it is the one in the text

        def load(self, data: Buffer) -> datetime:
            return datetime.fromisoformat(bytes(data).decode()).replace(tzinfo=zone)

    ours = AdaptersMap(of_django)
    ours.register_loader("timestamptz", MomentLoader)
    return ours
