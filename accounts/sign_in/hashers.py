from threading import Lock
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher

HASH_LOCK = Lock()  # one hash at a time in a process: its threads share a core, and each hash takes 19 MiB


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id at 19 MiB, two passes, one lane: OWASP's first choice. Weaker hashes are replaced at sign-in."""

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> Any:
        with HASH_LOCK:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> Any:
        with HASH_LOCK:
            return super().verify(password, encoded)
