"""dynalogin's own table, read through the Django alias `bnum`."""

import re
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, connections

from twofactor.sources.answers import ADVISED_BYTES, SourceUnavailable, State, decode_secret

log = structlog.get_logger("twofactor.sources")
ALIAS = "bnum"
USERID_LENGTH = 32  # characters, of dynalogin's column
TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?\Z")


class BnumRouter:
    """The Bnum's database is read, never migrated."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None


def _text(secret: object) -> str:
    """NULL and BLOB are no secrets that a phone could have. Raises ValueError."""
    if not isinstance(secret, str):
        raise ValueError("not text")
    return secret


class DatabaseSource:
    """dynalogin's own table, read through the Django alias `bnum` (settings MELOTP_*)."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """As SeededSource.look_up."""
        if len(uid) > USERID_LENGTH:
            return State.UNSUPPORTED, None
        row = self._row(uid)
        if row is None:
            return State.ABSENT, None
        _, scheme, secret, locked, password = row
        if locked:
            return State.LOCKED, None
        if scheme != "TOTP" or password:
            return State.UNSUPPORTED, None
        return self._seed(secret)

    def _row(self, uid: str) -> tuple[Any, ...] | None:
        query = f"SELECT userid, scheme, secret, locked, password FROM {settings.MELOTP_TABLE} WHERE userid = %s"  # noqa: S608 - name checked at start
        try:
            with connections[ALIAS].cursor() as cursor:
                cursor.execute(query, [uid])
                row: tuple[Any, ...] | None = cursor.fetchone()
        except Error as error:
            log.error("source_unavailable", error=error.__class__.__name__)
            raise SourceUnavailable from error
        if row and row[0] != uid:
            log.error("source_unavailable", error="another_uid")
            raise SourceUnavailable("the source answered for somebody else")
        return row

    def _seed(self, secret: object) -> tuple[State, bytes | None]:
        try:
            seed = decode_secret(_text(secret), settings.MELOTP_ENCODING)
        except ValueError:
            log.error("secret_not_readable", encoding=settings.MELOTP_ENCODING)
            return State.UNSUPPORTED, None
        if len(seed) < ADVISED_BYTES:
            log.warning("short_secret", bits=8 * len(seed))
        return (State.PRESENT, seed) if seed else (State.UNSUPPORTED, None)
