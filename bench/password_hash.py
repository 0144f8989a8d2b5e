"""Print the CPU milliseconds of one password hash by the settings' first hasher: the median of some.

    python - < bench/password_hash.py

Run it by the tree's own Python, in the tree: by standard input, because an older tree has a `bench` of its own.
"""

import statistics
from contextlib import suppress
from time import process_time

import django
from django.contrib.auth.hashers import make_password
from django.utils.module_loading import import_string

HASHES = 7


def hash_once() -> float:
    start = process_time()
    make_password("correct cheval pile agrafe")
    return (process_time() - start) * 1000


def main() -> None:
    django.setup()
    # The server of some older trees tunes the C library's memory in its own process, which makes a hash cheaper.
    with suppress(ImportError):
        import_string("cerbere.serve.keep_memory")()
    print(statistics.median(hash_once() for _ in range(HASHES)))


if __name__ == "__main__":
    main()
