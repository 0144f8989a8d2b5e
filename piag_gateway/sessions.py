"""Sessions in the database only. Each row says whose it is, so that Cerbère can end it by name."""

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from piag_gateway.proof import SESSION_KEY


class Session(AbstractBaseSession):
    """`sub` and `sid` are those of the ID token, in the row of the session itself: what ends the one ends the other.

    Both are empty before the sign-in; `sid` also when Cerbère does not name its session.
    """

    sub = models.CharField(max_length=255, blank=True, db_index=True)
    sid = models.CharField(max_length=255, blank=True, db_index=True)

    @classmethod
    def get_session_store_class(cls) -> type["SessionStore"]:
        return SessionStore


class SessionStore(DatabaseSessionStore):
    """A key that Django cannot have made is no key, and is not looked up."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = super().create_model_instance(data)
        assert isinstance(session, Session)
        proof = data.get(SESSION_KEY, {})
        session.sub, session.sid = proof.get("sub", ""), proof.get("sid", "")
        return session

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and len(key) == 32 and key.isascii() and key.isalnum()
