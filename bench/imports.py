"""What an import costs: seconds and peak memory for agents and seeds, beside writing the same rows by executemany.

    .venv/bin/python -m bench.imports                      # 10 000 and 100 000, SQLite and PostgreSQL
    .venv/bin/python -m bench.imports --lines 1000 2000 --databases sqlite

Each import is the command itself with --apply, in a process of its own, on an empty database; its answers and its
log go to /dev/null. The floor writes exactly the rows that the import wrote, those of the journal too, in
transactions of the same size, to tables without index. Quote ratios of one run only. PostgreSQL runs as in the
tests, without fsync.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter

from tests.support.servers import postgresql

TABLES = {"agents": ("accounts_agent", "agent:added:by_file"), "seeds": ("twofactor_importedseed", "otp_mel:imported")}
SEED_KEYS = "bench:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
MIB = 1024  # of ru_maxrss, which counts KiB


def write_files(directory: Path, lines: int) -> None:
    with open(directory / "agents", "w", newline="") as agents, open(directory / "seeds", "w", newline="") as seeds:
        people, secrets = csv.writer(agents), csv.writer(seeds)
        people.writerow(["uid", "email", "given_name", "family_name", "organizational_unit", "siret", "directory_id"])
        secrets.writerow(["uid", "secret"])
        for n in range(lines):
            uid = f"prenom{n}.nom{n}"
            people.writerow(
                [uid, f"{uid}@example.fr", f"Prénom{n}", f"Nom{n}", "DNUM/MSP", "11006801200050", f"id-{n}"]
            )
            secrets.writerow([uid, f"invented-{n:011}"])


# --- In a process of its own --------------------------------------------------------------------------


def step(what: str, kind: str, file: str) -> dict[str, float]:
    import django

    django.setup()
    seconds = floor(kind) if what == "floor" else run(kind, file)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    return {"seconds": seconds, "peak": peak}


def run(kind: str, file: str) -> float:
    from django.core.management import call_command

    with open(os.devnull, "w") as nowhere:
        started = perf_counter()
        call_command(f"import_{kind}", file, apply=True, stdout=nowhere)
        return perf_counter() - started


def floor(kind: str) -> float:
    """Seconds to write the rows of that import once more, without reading them."""
    table, event = TABLES[kind]
    return copy(table, "1 = 1") + copy("audit_auditevent", f"name = '{event}'")


def copy(table: str, which: str) -> float:
    from django.db import connection, transaction

    seconds = 0.0
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE floor_{table} AS SELECT * FROM {table} WHERE 1 = 0")  # noqa: S608 - our names
        cursor.execute(f"SELECT * FROM {table} WHERE {which}")  # noqa: S608
        rows = cursor.fetchall()
        insert = f"INSERT INTO floor_{table} VALUES ({', '.join(['%s'] * len(rows[0]))})"  # noqa: S608
        source = iter(rows)
        while batch := list(islice(source, 500)):
            started = perf_counter()
            with transaction.atomic():
                cursor.executemany(insert, batch)
            seconds += perf_counter() - started
        cursor.execute(f"DROP TABLE floor_{table}")
    return seconds


# --- The series ---------------------------------------------------------------------------------------


@contextmanager
def database(name: str, directory: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{directory / 'cerbere.sqlite3'}"
        return
    server = postgresql.start()
    try:
        yield server.url
    finally:
        server.stop()


def child(environ: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, env=environ, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return done.stdout


def series(name: str, lines: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as place, database(name, Path(place)) as url:
        write_files(Path(place), lines)
        environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": "cerbere.settings", "CERBERE_DATABASE_URL": url, "CERBERE_SEED_KEYS": SEED_KEYS,
            "CERBERE_SECRET_KEY": "only-for-the-bench-0123456789abcdef", "CERBERE_MELOTP_SOURCE": "imported",
        }  # fmt: skip
        child(environ, "manage.py", "migrate", "--skip-checks", "--verbosity", "0")
        steps = [(what, kind) for kind in TABLES for what in ("import", "floor")]
        return {
            f"{what} {kind}": json.loads(child(environ, "-m", "bench.imports", "--step", what, kind, f"{place}/{kind}"))
            for what, kind in steps
        }


def report(name: str, small: int, large: int) -> None:
    few, many = series(name, small), series(name, large)
    for kind in TABLES:
        here, floor_ = many[f"import {kind}"], many[f"floor {kind}"]
        growth = here["peak"] / few[f"import {kind}"]["peak"]
        print(
            f"| {kind}, {name} | {few[f'import {kind}']['seconds']:.1f} | {here['seconds']:.1f} "
            f"| {large / here['seconds']:.0f} | {here['seconds'] / floor_['seconds']:.1f} "
            f"| {few[f'import {kind}']['peak']:.0f} | {here['peak']:.0f} | {growth:.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, nargs=2, default=[10_000, 100_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(step(*options.step)))
        return
    small, large = options.lines
    print(f"| import | s, {small} | s, {large} | lines/s | × executemany | MiB, {small} | MiB, {large} | growth |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.databases:
        report(name, small, large)


if __name__ == "__main__":
    main()
