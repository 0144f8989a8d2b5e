"""What nobody can go below on this machine: one hash, one signature, one statement. In CPU milliseconds."""

import json
import statistics
import sys
import time
from collections.abc import Callable

import psycopg
from argon2 import PasswordHasher
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from bench import proc
from cerbere.serve import keep_memory

ROUNDS = 5
MESSAGE = b"x" * 600  # an ID token's header and claims


def cost(act: Callable[[], object], times: int, roots: list[int]) -> float:
    """CPU of ours and of `roots`, for one; the median of some rounds."""
    figures = []
    for _ in range(ROUNDS):
        before = time.process_time() + (proc.cpu_seconds(roots) if roots else 0)
        for _ in range(times):
            act()
        figures.append((time.process_time() + (proc.cpu_seconds(roots) if roots else 0) - before) / times * 1000)
    return statistics.median(figures)


def main(url: str, postmaster: int) -> dict[str, float]:
    keep_memory()
    hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
    rsa_key, ec_key = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    found = {
        "password hash (Argon2id)": cost(lambda: hasher.hash("correct cheval pile agrafe"), 4, []),
        "RS256 signature": cost(lambda: rsa_key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256()), 200, []),
        "ES256 signature": cost(lambda: ec_key.sign(MESSAGE, ec.ECDSA(hashes.SHA256())), 2000, []),
    }
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
        connection.execute("CREATE TABLE floor (id serial PRIMARY KEY, kept text)")
        insert, select = "INSERT INTO floor (kept) VALUES (%s)", "SELECT kept FROM floor WHERE id = %s"
        found["INSERT, committed"] = cost(lambda: connection.execute(insert, ["x" * 200]), 500, [postmaster])
        read = lambda: connection.execute(select, [1]).fetchone()  # noqa: E731
        found["SELECT by primary key"] = cost(read, 2000, [postmaster])
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
