"""Sessions in the database, one row each, with two limits and a key that changes under a stable `sid`.

The cookie holds the key, `session.session_key`; the row holds only its digest, `row.session_key`, so that a
stolen copy of the database opens no session.
"""

import base64
import copy
import hashlib
import re
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import DOUBLE_SUBMIT, AgentSession
from accounts.queries import find_session
from cerbere.audit.context import current_origin

SEEN_EVERY = timedelta(minutes=1)  # last_seen_at is written at most this often
KEY = re.compile(r"[a-z0-9]{32}")  # Django's alphabet and length
NONCE_BYTES = 12
USER_AGENT = "user_agent"  # session entry that becomes the row's column


def digest_of_key(key: str) -> str:
    """Return what the table keeps of a session key: SHA-256, cut to the 40 characters of Django's column (160 bits)."""
    return hashlib.sha256(key.encode()).hexdigest()[: AgentSession.KEY_LENGTH]


def seal_key(key: str, replaced: str) -> str:
    """Encrypt a session key so that only who has the key before it can read it (AES-256-GCM)."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = nonce + AESGCM(_sealing_key(replaced)).encrypt(nonce, key.encode(), None)
    return base64.b64encode(sealed).decode()


def open_key(sealed: str, replaced: str) -> str | None:
    """Return the key that `seal_key` was given; None for any other `replaced`."""
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(_sealing_key(replaced)).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None).decode()
    except (InvalidTag, ValueError):
        return None


def _sealing_key(replaced: str) -> bytes:
    """Make an AES key of a session key, whose 165 random bits need one hash; the prefix parts it from its digest."""
    return hashlib.sha256(b"seals the next key:" + replaced.encode()).digest()


class SessionStore(DatabaseSessionStore):
    """Django's database sessions with a stable `sid`, digests at rest, and an idle and an absolute limit."""

    row: AgentSession | None = None  # None until it is read, and while there is none
    replaced_key: str | None = None  # the key before the last `cycle_key`
    saved_content: dict[str, Any] | None = None  # what this request has left in the row

    @classmethod
    def get_model_class(cls) -> type[AgentSession]:
        return AgentSession

    @property
    def sid(self) -> uuid.UUID | None:
        """The stable id of this session; None while it is anonymous or not saved."""
        self.items()  # reads the session if nobody has yet
        return self.row.sid if self.row else None

    @property
    def has_ended(self) -> bool:
        """Tell whether this browser's cookie names a session that is over."""
        self.items()
        return self.session_key is not None and self.row is None

    def load(self) -> dict[str, Any]:
        """Return the content of a session within both limits, and keep its row; nothing for any other key."""
        now = timezone.now()
        self.row = self._find_row(now)
        if self.row is None:
            return {}
        if now - self.row.last_seen_at > SEEN_EVERY:
            AgentSession.objects.filter(sid=self.row.sid).update(last_seen_at=now)
            self.row.last_seen_at = now
        return self.decode(self.row.session_data)

    def _find_row(self, now: datetime) -> AgentSession | None:
        key = self.session_key or ""
        row = find_session(digest_of_key(key)) if KEY.fullmatch(key) else None
        return row if row and row.is_alive(now) else None

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_of_key(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            super().delete(digest_of_key(key))

    def save(self, must_create: bool = False) -> None:
        """Write the session, unless this request has just written it. A key that names no session is never used.

        `create`, which draws a new key, passes `must_create`: with a row at hand the row takes the new key.
        Raises UpdateError when the row has gone, or another request has changed its key.
        """
        content = dict(self.items())
        if self.row is None and not must_create:
            self.create()
        elif self.row is None:
            self.row = self.create_model_instance(content)
            self.row.save(force_insert=True)
        elif must_create or content != self.saved_content:
            self._update_row(self.row, self._columns(content) | (self._new_key(self.row) if must_create else {}))
        self.saved_content = copy.deepcopy(content)

    def create_model_instance(self, data: dict[str, Any]) -> AgentSession:
        """Make the row of a session that begins."""
        now = timezone.now()
        return AgentSession(
            session_key=digest_of_key(self.session_key or ""), created_at=now, last_seen_at=now,
            expire_date=now + settings.SESSION_ABSOLUTE, address=current_origin.get().ip_address, **self._columns(data),
        )  # fmt: skip

    def _columns(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return what changes in the row while the session lives; its `sid`, age and absolute end never do."""
        agent_id = data.get(SESSION_KEY)
        return {
            "session_data": self.encode(data),
            "user_agent": data.get(USER_AGENT, ""),
            "agent_id": int(agent_id) if agent_id else None,
        }

    def _new_key(self, row: AgentSession) -> dict[str, Any]:
        key = self.session_key or ""
        return {
            "session_key": digest_of_key(key),
            "previous_key": row.session_key,
            "sealed_key": seal_key(key, self.replaced_key or ""),
            "rotated_at": timezone.now(),
        }

    def _update_row(self, row: AgentSession, columns: dict[str, Any]) -> None:
        """Write these columns unless the row's key has changed: of two requests that change it only one does."""
        if not AgentSession.objects.filter(session_key=row.session_key).update(**columns):
            raise UpdateError
        for name, value in columns.items():
            setattr(row, name, value)

    def cycle_key(self) -> None:
        """Give this session a fresh random key, written at once; its row and `sid` stay.

        The key before it opens nothing any more; it only shows that a form was sent twice (find_rotated_moments_ago).
        Raises SessionInterrupted when the session has ended or another request has changed its key.
        """
        self.items()  # reads the session if nobody has yet
        self.replaced_key = self.session_key
        try:
            self.create()
        except UpdateError:
            raise SessionInterrupted("it ended, or another request changed its key meanwhile") from None

    def flush(self) -> None:
        super().flush()
        self.row, self.saved_content = None, None


def session_of(request: HttpRequest) -> SessionStore:
    """Return the session with its own type: Django knows the class only by a setting."""
    assert isinstance(request.session, SessionStore)
    return request.session


def rejoin(request: HttpRequest, row: AgentSession) -> None:
    """Make this request that session's, whose key changed while the request, with the key before, was under way.

    A browser that has sent a form twice may never see the answer to the first sending, which held the new key: it
    is given that key again. Nothing happens when the cookie does not hold the key before.
    """
    key = open_key(row.sealed_key, key_in_cookie(request))
    if key:
        request.session = SessionStore(key)
        request.session.modified = True  # so that the cookie is sent


def key_in_cookie(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


def find_rotated_moments_ago(request: HttpRequest, now: datetime) -> AgentSession | None:
    """Return the session whose key was the one in this cookie until DOUBLE_SUBMIT ago (a form sent twice)."""
    key = key_in_cookie(request)
    if not KEY.fullmatch(key):
        return None
    rotated = AgentSession.alive(now).filter(previous_key=digest_of_key(key), rotated_at__gt=now - DOUBLE_SUBMIT)
    return rotated.first()
