import re
from threading import Lock
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher

ONE = Lock()  # at a time in a process, which has one core: together they would only take each other's cache
OF_TODAY = re.compile(r"argon2\$argon2id\$v=19\$m=47104,t=1,p=1\$[A-Za-z0-9+/]{30}\$")  # with a salt of 22 characters


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id at 46 MiB, one pass, one lane: OWASP's figure (bench/ measures its time)."""

    time_cost = 1
    memory_cost = 47_104  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> Any:
        with ONE:
            return super().encode(password, salt)

    def must_update(self, encoded: str) -> bool:
        return not OF_TODAY.match(encoded) and bool(super().must_update(encoded))

    def verify(self, password: str, encoded: str) -> Any:
        with ONE:
            return super().verify(password, encoded)
