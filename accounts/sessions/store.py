"""Sessions in the database, one row each, with two limits and a key that can change under a stable `sid`.

The cookie holds the key, `session.session_key`; the row holds only its digest, `row.session_key`, so that a
stolen copy of the database opens no session.
"""

import base64
import hashlib
import json
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core import signing
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import Agent, AgentSession, unsigned
from cerbere.audit.context import current_origin
from cerbere.statements import ReadOne
from cerbere.writes import Change, change, insert, new

SEEN_EVERY = timedelta(minutes=1)  # last_seen_at is written at most this often
DOUBLE_SUBMIT = timedelta(seconds=10)  # how long a rotated key can still show that a form was sent twice
KEY = re.compile(r"[a-z0-9]{32}")  # Django's own alphabet and length
USER_AGENT = "user_agent"  # session entry that becomes the row's column


def _with_agents() -> models.QuerySet[AgentSession]:
    return AgentSession.objects.select_related("agent", *(f"agent__{name}" for name in settings.AGENT_RELATED))


SESSION_BY_KEY = ReadOne(_with_agents, "session_key")


def at_rest(key: str) -> str:
    """What the table keeps of a session key: SHA-256, cut to the 40 characters of Django's column (160 bits)."""
    return hashlib.sha256(key.encode()).hexdigest()[: AgentSession.KEY_LENGTH]


def _successors(key: str) -> Iterator[str]:
    """What this key changes into, under SECRET_KEY and then each of its fallbacks: 128 bits that only we can find.

    Not drawn anew, because the second sending of a form comes with the old key and must be given the same new
    one as the first, of which the table has only the digest.
    """
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield salted_hmac("accounts.sessions.store.successor", key, secret=secret, algorithm="sha256").hexdigest()[:32]


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)


@dataclass(frozen=True)
class Rotation:
    """A session under its next key, for the act that writes `change` in its own statement, then calls `rotated`."""

    key: str
    data: dict[str, Any]
    change: Change


class SessionStore(DatabaseSessionStore):
    _get_session: Callable[[], dict[str, Any]]  # Django's: what the session holds, read with its row at the first call
    row: AgentSession | None = None
    _ended = False  # the cookie names a session that is over
    _written: str | None = None  # what this request has left in the row

    @classmethod
    def get_model_class(cls) -> type[AgentSession]:
        return AgentSession

    @property
    def sid(self) -> uuid.UUID | None:
        """The stable id of this session; None while it is anonymous or not saved."""
        self._get_session()
        return self.row.sid if self.row else None

    @property
    def agent(self) -> Agent | None:
        """Whose session it is, read in the same statement, if nothing speaks against it.

        None also where Django must look closer: a password changed, an older SECRET_KEY, an account closed.
        """
        kept = self._get_session()
        agent = self.row.agent if self.row and SESSION_KEY in kept else None
        if agent is None or not agent.may_sign_in or kept[SESSION_KEY] != str(agent.pk):
            return None
        is_of_password = constant_time_compare(kept.get(HASH_SESSION_KEY, ""), agent.get_session_auth_hash())
        return agent if is_of_password and kept.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS else None

    @property
    def has_ended(self) -> bool:
        """Whether this browser had a session that is over. Then its cookie stays, for the login page to say so."""
        self._get_session()
        return self._ended

    def is_empty(self) -> bool:
        return not self._ended and super().is_empty()

    def encode(self, session_dict: dict[str, Any]) -> str:
        """As Django's, not compressed: that takes longer than what it spares, 180 of 525 bytes."""
        return signing.dumps(session_dict, salt=self.key_salt, serializer=self.serializer)

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        return unsigned(session_data)

    @staticmethod
    def _validate_session_key(key: str | None) -> bool:
        """Only what we could have made reaches the database."""
        return bool(key) and KEY.fullmatch(str(key)) is not None

    def _get_new_session_key(self) -> str:
        """160 random bits: no other session has them, and the column is unique if one had. No look-up."""
        return base64.b32encode(secrets.token_bytes(20)).decode().lower()

    def _get_session_from_db(self) -> AgentSession | None:
        now = timezone.now()
        row = SESSION_BY_KEY(at_rest(self.session_key or ""))
        if row is None or not row.is_alive(now):
            self._session_key, self._ended = None, True
            return None
        if now - row.last_seen_at > SEEN_EVERY:
            AgentSession.objects.filter(sid=row.sid).update(last_seen_at=now)
            row.last_seen_at = now
        self.row = row
        return row

    def exists(self, session_key: str) -> bool:
        return super().exists(at_rest(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            super().delete(at_rest(key))

    def create(self) -> None:
        """A new key. Its row comes with `begin`, written with what opens the session, or else with the first `save`."""
        self._session_key, self.row, self._written = self._get_new_session_key(), None, None
        self.modified = True

    def create_model_instance(self, data: dict[str, Any]) -> AgentSession:
        """The row of a session that begins; only `_columns` change later, never its identity, age or absolute end."""
        now = timezone.now()
        return new(
            AgentSession, session_key=at_rest(self.session_key or ""), created_at=now, last_seen_at=now,
            expire_date=now + settings.SESSION_ABSOLUTE, address=current_origin.get().address, **self._columns(data),
        )  # fmt: skip

    def begin(self) -> AgentSession:
        """The row of a new key, for `save` or for an act that writes it in its own statement (`statements.change`)."""
        data = self._get_session()
        self.row, self._ended, self._written = self.create_model_instance(data), False, _text(data)
        return self.row

    def _columns(self, data: dict[str, Any]) -> dict[str, Any]:
        agent_id = data.get(SESSION_KEY)
        return {
            "session_data": self.encode(data),
            "user_agent": data.get(USER_AGENT, ""),
            "agent_id": int(agent_id) if agent_id else None,
        }

    def save(self, must_create: bool = False) -> None:
        """Write the session, unless this request has just written it: Django's middleware saves after each change."""
        data = self._get_session()
        if self.session_key is None:
            self.create()
        if self.row is None:
            insert(self.begin())
        elif _text(data) != self._written:
            if not change(AgentSession, self.row.session_key, **self._columns(data)):
                raise UpdateError
            self._written = _text(data)

    def rotation(self, **entries: Any) -> Rotation:
        """What gives this session these entries and another key, and no moment with two valid keys; its `sid` stays.

        Of two requests that change one key at once only one does, and it alone knows the new one.
        """
        assert self.session_key
        data = {**self._get_session(), **entries}
        key, previous = next(_successors(self.session_key)), at_rest(self.session_key)
        keys = {"session_key": at_rest(key), "previous_key": previous, "rotated_at": timezone.now()}
        return Rotation(key, data, Change(AgentSession, previous, keys | self._columns(data)))

    def rotated(self, rotation: Rotation) -> None:
        """Its change has been written: go on under the new key."""
        self.row.__dict__.update(rotation.change.columns)
        self._session_key, self._session_cache = rotation.key, rotation.data
        self._written = _text(rotation.data)
        self.modified = True

    def cycle_key(self) -> None:
        """Change the key in place, and write the session at once. Raises SessionInterrupted."""
        self._get_session()
        if self.row is None or self.session_key is None:
            self.create()
            return
        rotation = self.rotation()
        if not change(AgentSession, rotation.change.pk, **rotation.change.columns):
            raise SessionInterrupted("it ended, or another request changed its key meanwhile")
        self.rotated(rotation)

    def flush(self) -> None:
        super().flush()
        self.row, self._written, self._ended = None, None, False

    def adopt(self, row: AgentSession, key: str) -> None:
        """Continue as this row, whose key changed while the request with the key `key` was under way.

        Nothing happens when the row's key is neither this one nor what it changed into.
        """
        current = [known for known in (key, *_successors(key)) if at_rest(known) == row.session_key]
        if not current:
            return
        self.row, self._written = row, None
        self._session_key = current[0]
        self._session_cache = row.get_decoded()
        self.modified = True


def session_of(request: HttpRequest) -> SessionStore:
    """Django knows the class only by a setting."""
    assert isinstance(request.session, SessionStore)
    return request.session


def key_in_cookie(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


def rotated_moments_ago(request: HttpRequest, now: datetime) -> AgentSession | None:
    """The session whose key was the one in this cookie until a few seconds ago (a form sent twice)."""
    key = key_in_cookie(request)
    if not KEY.fullmatch(key):
        return None
    return AgentSession.alive(now).filter(previous_key=at_rest(key), rotated_at__gt=now - DOUBLE_SUBMIT).first()
