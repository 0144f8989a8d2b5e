"""Statements that the ORM cannot express or that every sign-on runs: the same text for SQLite and PostgreSQL."""

from accounts.models import AgentSession
from cerbere.core.rows import fetch_instances, list_columns

SESSION_BY_KEY = f"SELECT {list_columns(AgentSession, 's')} FROM accounts_agentsession AS s WHERE s.session_key = %s"  # noqa: S608


def find_session(session_key: str) -> AgentSession | None:
    """Return the session with this digest of a key, within its limits or not; None if there is none."""
    found = fetch_instances(SESSION_BY_KEY, [session_key], AgentSession)
    return found[0] if found else None


_COUNT_TRY = """
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
COUNT_TRY = _COUNT_TRY.format(counted_from="updated_at")  # the memory begins with the last failure
COUNT_TRY_IN_WINDOW = _COUNT_TRY.format(counted_from="since")  # the memory begins with the first failure
