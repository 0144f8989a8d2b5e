from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id at 46 MiB, one pass, one lane: OWASP's figure, about 50 ms of one core (bench/ measures it)."""

    time_cost = 1
    memory_cost = 47_104  # KiB
    parallelism = 1
