"""Django's PostgreSQL backend, with a connection a thread that is looked at instead of asked before each request."""

import select
import threading
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection

OPEN_CONNECTIONS = threading.local()  # by alias; Python forgets them when their thread ends
READ_ONLY_PARAMETERS = ("default_transaction_read_only", "in_hot_standby")  # PostgreSQL reports both by itself


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        connection: Connection[Any] = super().get_new_connection(conn_params)
        setattr(OPEN_CONNECTIONS, self.alias, _ClosedWithItsThread(connection))
        return connection

    def is_usable(self) -> bool:
        """Tell whether the server has neither closed this connection nor become read-only.

        Django calls it before a request's first statement (CONN_HEALTH_CHECKS); its own asks the server, which costs
        as much as a statement. An idle client hears nothing from a server but its end or a changed parameter.
        """
        if self.connection is None or self.connection.closed:
            return False
        reported = [self.connection.info.parameter_status(name) for name in READ_ONLY_PARAMETERS]
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return "on" not in reported and not poll.poll(0)


class _ClosedWithItsThread:
    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()
