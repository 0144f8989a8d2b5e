"""Django's PostgreSQL, with a check of pooled connections that sends nothing."""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection


class DatabaseWrapper(base.DatabaseWrapper):
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
