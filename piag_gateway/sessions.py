"""Sessions kept in the database only. Each row names its agent, so that Cerbère can end it by a logout token."""

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from piag_gateway.proof import PROOF_SESSION_KEY

SESSION_KEY_LENGTH = 32  # characters, letters and digits: how Django makes its keys


class Session(AbstractBaseSession):
    """A session row with `sub` and `sid` of its ID token, so that deleting the row ends the session at once.

    Both are empty before the sign-in; `sid` also when the ID token has none.
    """

    sub = models.CharField(max_length=255, blank=True, db_index=True)
    sid = models.CharField(max_length=255, blank=True, db_index=True)

    @classmethod
    def get_session_store_class(cls) -> type["SessionStore"]:
        return SessionStore


class SessionStore(DatabaseSessionStore):
    """Django's database sessions, which copy `sub` and `sid` into the row and look up well-formed keys only."""

    def __init__(self, session_key: str | None = None) -> None:
        """Drop a key that Django cannot have made: a cookie may hold characters that a database refuses."""
        super().__init__(session_key if _is_well_formed(session_key) else None)

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = super().create_model_instance(data)
        assert isinstance(session, Session)
        proof = data.get(PROOF_SESSION_KEY, {})
        session.sub, session.sid = proof.get("sub", ""), proof.get("sid", "")
        return session


def _is_well_formed(key: str | None) -> bool:
    return key is not None and len(key) == SESSION_KEY_LENGTH and key.isascii() and key.isalnum()
