"""What one password costs in CPU milliseconds: ours, with memory kept and fetched anew, and Django's default set.

    .venv/bin/python -m bench.password_hash

Runs are interleaved; the medians and their ratios are what to quote, never a single figure.
"""

import os
import statistics
import subprocess
import sys
from time import process_time

from cerbere.serve import keep_memory

ROUNDS, HASHES = 7, 5
PASSWORD = "correct cheval pile agrafe"
OURS = "accounts.sign_in.hashers.Argon2idHasher"
KEPT = "kept"  # memory, as cerbere.serve has it
KINDS = {
    "ours": (OURS, KEPT),
    "ours, fetched anew": (OURS, ""),
    "django's default": ("django.contrib.auth.hashers.Argon2PasswordHasher", KEPT),
}


def cost(path: str, memory: str = "") -> float:
    """Of one hash in this process: the median of some."""
    from django.utils.module_loading import import_string

    if memory == KEPT:
        keep_memory()
    hasher, figures = import_string(path)(), []
    for _ in range(HASHES):
        start = process_time()
        hasher.encode(PASSWORD, hasher.salt())
        figures.append((process_time() - start) * 1000)
    return statistics.median(figures)


def cost_elsewhere(kind: str) -> float:
    command = [sys.executable, "-m", "bench.password_hash", *KINDS[kind]]
    return float(subprocess.check_output(command, text=True))  # noqa: S603


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cerbere.settings")
    if sys.argv[1:]:
        print(cost(*sys.argv[1:]))
        return
    rounds = [{kind: cost_elsewhere(kind) for kind in KINDS} for _ in range(ROUNDS)]
    for kind in KINDS:
        figures = [each[kind] for each in rounds]
        ratio = statistics.median(each[kind] / each["ours"] for each in rounds)
        told = f"median {statistics.median(figures):6.1f} ms   min {min(figures):6.1f}   max {max(figures):6.1f}"
        print(f"{kind:18} {told}   {ratio:.2f} of ours")


if __name__ == "__main__":
    main()
