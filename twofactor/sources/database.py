"""dynalogin's own table, read through the Django alias `bnum`."""

import re
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, connections

from twofactor.secret_encodings import USERID_LENGTH
from twofactor.sources.contract import RecordUnusable, SourceUnavailable, State, StepReporter, read_seed

log = structlog.stdlib.get_logger("twofactor.sources")
ALIAS = "bnum"
COLUMNS = ("userid", "scheme", "secret", "locked", "password")  # dynalogin's own names
COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
TABLE = re.compile(rf"{COLUMN.pattern}(\.{COLUMN.pattern})?")


class BnumRouter:
    """The Bnum's database is read, never migrated."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None


class DatabaseSource(StepReporter):
    """dynalogin's own table, read through the Django alias `bnum` (settings MELOTP_*)."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """Look up as SeededSource does."""
        if len(uid) > USERID_LENGTH:
            return State.UNSUPPORTED, None
        row = self._fetch_row(uid)
        if row is None:
            return State.ABSENT, None
        _uid, scheme, secret, locked, password = row
        if locked:
            return State.LOCKED, None
        if scheme != "TOTP" or password:
            log.error("scheme_not_supported", is_totp=scheme == "TOTP", static_prefix=bool(password))
            return State.UNSUPPORTED, None
        return read_seed(secret, settings.MELOTP_ENCODING)

    def _fetch_row(self, uid: str) -> tuple[Any, ...] | None:
        names = settings.MELOTP_COLUMNS
        columns = ", ".join(names[name] for name in COLUMNS)
        query = f"SELECT {columns} FROM {settings.MELOTP_TABLE} WHERE {names['userid']} = %s"  # noqa: S608 - names checked at start
        try:
            with connections[ALIAS].cursor() as cursor:
                self.report_step("connection", f"open to {connections[ALIAS].display_name}")
                cursor.execute(query, [uid])
                row: tuple[Any, ...] | None = cursor.fetchone()
        except Error as error:
            raise SourceUnavailable(error.__class__.__name__) from error
        self.report_step("table", f"{settings.MELOTP_TABLE} can be read")
        if row and row[0] != uid:
            raise RecordUnusable("another_uid")
        return row
