"""What one password costs: our Argon2id against Django's default set, in one run, in CPU milliseconds.

    .venv/bin/python -m bench.password_hash

Runs are interleaved; the medians and their ratio are what to quote, never a single figure.
"""

import os
import statistics
import sys
from time import process_time

ROUNDS = 15
PASSWORD = "correct cheval pile agrafe"


def cost(hasher: object) -> float:
    start = process_time()
    hasher.encode(PASSWORD, hasher.salt())  # type: ignore[attr-defined]
    return (process_time() - start) * 1000


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cerbere.settings")
    from django.contrib.auth.hashers import Argon2PasswordHasher

    from accounts.hashers import Argon2idHasher

    ours, django = Argon2idHasher(), Argon2PasswordHasher()
    pairs = [(cost(ours), cost(django)) for _ in range(ROUNDS)]
    for name, figures in (("ours", [a for a, _ in pairs]), ("django's default", [b for _, b in pairs])):
        low, high = min(figures), max(figures)
        print(f"{name:18} median {statistics.median(figures):6.1f} ms   min {low:6.1f}   max {high:6.1f}")
    print(f"ratio ours/default, pair by pair: median {statistics.median(a / b for a, b in pairs):.2f}")


if __name__ == "__main__":
    sys.exit(main())
