"""What one password costs in CPU milliseconds: our Argon2id, with and without huge pages, and Django's default set.

    .venv/bin/python -m bench.password_hash

Runs are interleaved; the medians and their ratios are what to quote, never a single figure.
"""

import os
import statistics
import subprocess
import sys
from time import process_time

ROUNDS, HASHES = 7, 5
PASSWORD = "correct cheval pile agrafe"
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # as in the Dockerfile
KINDS = {
    "ours": ("accounts.hashers.Argon2idHasher", HUGE_PAGES),
    "ours, small pages": ("accounts.hashers.Argon2idHasher", {}),
    "django's default": ("django.contrib.auth.hashers.Argon2PasswordHasher", HUGE_PAGES),
}


def cost(path: str) -> float:
    """Of one hash in this process, whose environment has decided on its pages: the median of some."""
    from django.utils.module_loading import import_string

    hasher, figures = import_string(path)(), []
    for _ in range(HASHES):
        start = process_time()
        hasher.encode(PASSWORD, hasher.salt())
        figures.append((process_time() - start) * 1000)
    return statistics.median(figures)


def cost_elsewhere(kind: str) -> float:
    path, pages = KINDS[kind]
    kept = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    command = [sys.executable, "-m", "bench.password_hash", path]
    return float(subprocess.check_output(command, env=kept | pages, text=True))  # noqa: S603


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cerbere.settings")
    if sys.argv[1:]:
        print(cost(sys.argv[1]))
        return
    rounds = [{kind: cost_elsewhere(kind) for kind in KINDS} for _ in range(ROUNDS)]
    for kind in KINDS:
        figures = [each[kind] for each in rounds]
        ratio = statistics.median(each[kind] / each["ours"] for each in rounds)
        told = f"median {statistics.median(figures):6.1f} ms   min {min(figures):6.1f}   max {max(figures):6.1f}"
        print(f"{kind:18} {told}   {ratio:.2f} of ours")


if __name__ == "__main__":
    main()
