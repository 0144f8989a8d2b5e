from threading import BoundedSemaphore
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE = BoundedSemaphore(2)  # of one process: a flood of passwords waits for its turn, not for 46 MiB each


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id at 46 MiB, one pass, one lane: OWASP's figure, 30 to 50 ms of one core (bench/ measures it)."""

    time_cost = 1
    memory_cost = 47_104  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> Any:
        with AT_ONCE:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> Any:
        with AT_ONCE:
            return super().verify(password, encoded)
