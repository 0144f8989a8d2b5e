from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore


class SessionStore(DatabaseSessionStore):
    """Sessions in the database only. A key that Django cannot have made is no key, and is not looked up."""

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and len(key) == 32 and key.isascii() and key.isalnum()
