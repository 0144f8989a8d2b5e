"""Statements that the ORM cannot say, the same text for SQLite and PostgreSQL."""

_TAKE = """
    INSERT INTO accounts_attempts AS known ("key", failures, locked_until, since, updated_at)
    VALUES (%s, 1, NULL, %s, %s)
    ON CONFLICT ("key") DO UPDATE SET
        failures = CASE WHEN known.{counted_from} > %s THEN known.failures + 1 ELSE 1 END,
        since = CASE WHEN known.{counted_from} > %s THEN known.since ELSE excluded.since END,
        updated_at = excluded.updated_at,
        locked_until = CASE WHEN known.{counted_from} > %s AND known.failures + 1 >= %s THEN %s END
    WHERE known.locked_until IS NULL OR known.locked_until <= excluded.updated_at"""

# Count one more failure, unless a wait is running: then no row is written. Values: the key, now, now, three times the
# moment before which failures are forgotten, the number of free tries, the end of a wait that begins now.
TAKE = _TAKE.format(counted_from="updated_at")  # the memory begins with the last failure
TAKE_IN_WINDOW = _TAKE.format(counted_from="since")  # the memory begins with the first failure
