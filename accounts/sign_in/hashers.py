from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id at 19 MiB, two passes, one lane: OWASP's first choice. Weaker hashes are replaced at sign-in."""

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1
