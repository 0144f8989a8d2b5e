"""Acts on the suite's PostgreSQL from outside its transactions."""

import psycopg
from django.db import connection


def execute_elsewhere(sql, *values):
    """Send a statement on a connection of its own, outside any transaction; return the first row if there is one."""
    parameters = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor, "autocommit": True}
    parameters["options"] += " -c default_transaction_read_only=off"
    with psycopg.connect(**parameters) as other:
        cursor = other.execute(sql, values)
        return cursor.fetchone() if cursor.description else None
