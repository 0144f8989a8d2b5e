"""The Bnum's secrets: is one there for this agent, and what is it.

Absent and unavailable are different answers: SourceUnavailable is raised when nothing can be known now.
"""

import base64
import re
from enum import StrEnum
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, connections

from twofactor.models import ImportedSeed
from twofactor.seeds import SeedKeyError

log = structlog.get_logger("twofactor.sources")
ALIAS = "bnum"
USERID_LENGTH = 32  # characters, of dynalogin's column
ADVISED_BYTES = 10  # 80 bits
TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?\Z")


class SourceUnavailable(Exception):
    """The source does not answer, or not as it should: nothing is known, nothing may be concluded."""


class State(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    LOCKED = "locked"
    UNSUPPORTED = "unsupported"  # a secret that this portal cannot check: HOTP, static prefix, bad encoding


class BnumRouter:
    """The Bnum's database is read, never migrated."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None


def decode_secret(secret: str, encoding: str) -> bytes:
    """The HMAC key in a stored secret, ASCII text. Raises ValueError (binascii.Error is one)."""
    raw = secret.encode("ascii")
    if encoding == "raw":
        return raw
    if encoding == "hex":
        return bytes.fromhex(secret)
    bare = re.sub(r"[\s=-]", "", secret).upper()
    return base64.b32decode(bare + "=" * (-len(bare) % 8))


def _text(secret: object) -> str:
    """NULL and BLOB are no secrets that a phone could have. Raises ValueError."""
    if not isinstance(secret, str):
        raise ValueError("not text")
    return secret


class DatabaseSource:
    """dynalogin's own table, read through the Django alias `bnum` (settings MELOTP_*)."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """The state of this agent's secret, and the seed when it is PRESENT. Raises SourceUnavailable."""
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


class ImportedSource:
    """The secrets that `manage.py import_seeds` brought, for sites whose Bnum database cannot be reached."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """As DatabaseSource.look_up."""
        imported = ImportedSeed.objects.filter(agent__uid=uid).first()
        if imported is None:
            return State.ABSENT, None
        try:
            return State.PRESENT, imported.seed
        except SeedKeyError as error:
            log.error("imported_seed_does_not_open")
            raise SourceUnavailable from error


def source() -> DatabaseSource | ImportedSource:
    """The one that CERBERE_MELOTP_SOURCE names."""
    return ImportedSource() if settings.MELOTP_SOURCE == "imported" else DatabaseSource()
