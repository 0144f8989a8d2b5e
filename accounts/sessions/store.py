"""Sessions in the database, one row each, with two time limits and a key that changes under a stable `sid`.

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
KEY_PATTERN = re.compile(r"[a-z0-9]{32}")  # Django's alphabet and length
NONCE_BYTES = 12
USER_AGENT = "user_agent"  # session entry that becomes the row's column


def digest_key(key: str) -> str:
    """Return the digest that the table keeps of a session key: SHA-256, cut to Django's 40 characters (160 bits)."""
    return hashlib.sha256(key.encode()).hexdigest()[: AgentSession.KEY_LENGTH]


def seal_key(key: str, replaced: str) -> str:
    """Return a session key encrypted under the key that it replaces (AES-256-GCM), in base64."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = nonce + AESGCM(_sealing_key(replaced)).encrypt(nonce, key.encode(), None)
    return base64.b64encode(sealed).decode()


def open_key(sealed: str, replaced: str) -> str | None:
    """Return the key that `seal_key` encrypted; None if `replaced` is not the key that it replaced."""
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(_sealing_key(replaced)).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None).decode()
    except (InvalidTag, ValueError):
        return None


def _sealing_key(replaced: str) -> bytes:
    """Return the AES key derived from a session key; the prefix makes it independent of the key's digest."""
    return hashlib.sha256(b"seals the next key:" + replaced.encode()).digest()


class SessionStore(DatabaseSessionStore):
    """Django's database sessions with a stable `sid`, digests at rest, and an idle and an absolute limit."""

    row: AgentSession | None = None  # None until it is read, and if there is none
    replaced_key: str | None = None  # the key before the last `cycle_key`
    saved_content: dict[str, Any] | None = None  # the content that this request has written last

    @classmethod
    def get_model_class(cls) -> type[AgentSession]:
        return AgentSession

    @property
    def sid(self) -> uuid.UUID | None:
        """Return the stable id of this session; None if it is not saved."""
        self.items()  # reads the session if it was not read yet
        return self.row.sid if self.row else None

    @property
    def has_ended(self) -> bool:
        """Tell whether this browser's cookie holds the key of a session that has ended."""
        self.items()
        return self.session_key is not None and self.row is None

    def load(self) -> dict[str, Any]:
        """Return the content of the session and keep its row in `row`; empty if there is none within both limits."""
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
        row = find_session(digest_key(key)) if KEY_PATTERN.fullmatch(key) else None
        return row if row and row.is_alive(now) else None

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_key(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            super().delete(digest_key(key))

    def save(self, must_create: bool = False) -> None:
        """Write the session if it has changed. A key that the browser invented is replaced by a random one.

        `create`, which draws a random key, passes `must_create`: an existing row then takes that key. Raises
        UpdateError when the row has been deleted, or another request has changed its key.
        """
        content = dict(self.items())
        if self.row is None and not must_create:
            self.create()
        elif self.row is None:
            self.row = self.create_model_instance(content)
            self.row.save(force_insert=True)
        elif must_create or content != self.saved_content:
            self._update_row(
                self.row, self._make_columns(content) | (self._make_key_columns(self.row) if must_create else {})
            )
        self.saved_content = copy.deepcopy(content)

    def create_model_instance(self, data: dict[str, Any]) -> AgentSession:
        """Return the row, not saved, of a new session with this content."""
        now = timezone.now()
        return AgentSession(
            session_key=digest_key(self.session_key or ""), created_at=now, last_seen_at=now,
            expire_date=now + settings.SESSION_ABSOLUTE, address=current_origin.get().ip_address,
            **self._make_columns(data),
        )  # fmt: skip

    def _make_columns(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the columns that depend on the content."""
        agent_id = data.get(SESSION_KEY)
        return {
            "session_data": self.encode(data),
            "user_agent": data.get(USER_AGENT, ""),
            "agent_id": int(agent_id) if agent_id else None,
        }

    def _make_key_columns(self, row: AgentSession) -> dict[str, Any]:
        key = self.session_key or ""
        return {
            "session_key": digest_key(key),
            "previous_key": row.session_key,
            "sealed_key": seal_key(key, self.replaced_key or ""),
            "rotated_at": timezone.now(),
        }

    def _update_row(self, row: AgentSession, columns: dict[str, Any]) -> None:
        """Write these columns, or raise UpdateError if another request has changed the row's key meanwhile."""
        if not AgentSession.objects.filter(session_key=row.session_key).update(**columns):
            raise UpdateError
        for name, value in columns.items():
            setattr(row, name, value)

    def cycle_key(self) -> None:
        """Give this session a fresh random key, written at once; its row and `sid` stay.

        A session without a row needs none: `save` gives it a key that nobody has known before.
        The replaced key opens nothing any more; it only shows that a form was sent twice (find_session_just_rotated).
        Raises SessionInterrupted when the session has ended or another request has changed its key.
        """
        self.items()  # reads the session if it was not read yet
        if self.row is None:
            return
        self.replaced_key = self.session_key
        try:
            self.create()
        except UpdateError:
            raise SessionInterrupted("it ended, or another request changed its key meanwhile") from None

    def flush(self) -> None:
        super().flush()
        self.row, self.saved_content = None, None


def get_session(request: HttpRequest) -> SessionStore:
    """Return the request's session, typed: Django knows the class only by a setting."""
    assert isinstance(request.session, SessionStore)
    return request.session


def continue_session(request: HttpRequest, row: AgentSession) -> None:
    """Attach this request to the session of `row`, if its cookie holds the key that the session had just before.

    A browser that has sent a form twice may never see the first response, which carried the new key: this response
    carries that key again. Any other cookie changes nothing.
    """
    key = open_key(row.sealed_key, get_key_from_cookie(request))
    if key:
        request.session = SessionStore(key)
        request.session.modified = True  # so that the cookie is sent


def get_key_from_cookie(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


def find_session_just_rotated(request: HttpRequest, now: datetime) -> AgentSession | None:
    """Return the session that had the key of this cookie until at most DOUBLE_SUBMIT ago: a form was sent twice."""
    key = get_key_from_cookie(request)
    if not KEY_PATTERN.fullmatch(key):
        return None
    rotated = AgentSession.filter_alive(now).filter(previous_key=digest_key(key), rotated_at__gt=now - DOUBLE_SUBMIT)
    return rotated.first()
