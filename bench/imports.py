"""Measure imports of agents and seeds: seconds and peak memory, compared with writing the same rows by executemany.

    .venv/bin/python -m bench.imports                      # 10 000 and 100 000, SQLite and PostgreSQL
    .venv/bin/python -m bench.imports --lines 1000 2000 --databases sqlite

Each import is the management command with --apply, in a process of its own, on an empty database; its output and its
log go to /dev/null. The floor writes the rows that the import has written, those of the audit log too, in
transactions of the same size, to tables without indexes. Compare figures of one run only. PostgreSQL runs as in the
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

from tests import postgresql

# Of each kind of import, the table that it fills and the audit event that it records for each line.
TABLES = {"agents": ("accounts_agent", "agent:added:by_file"), "seeds": ("twofactor_importedseed", "otp_mel:imported")}
SEED_KEYS = "bench:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KIB_PER_MIB = 1024  # ru_maxrss counts KiB


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


# --- Steps, each in a process of its own --------------------------------------------------------------


def run_step(step: str, kind: str, file: str) -> dict[str, float]:
    import django

    django.setup()
    seconds = write_floor(kind) if step == "floor" else run_import(kind, file)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB
    return {"seconds": seconds, "peak": peak}


def run_import(kind: str, file: str) -> float:
    """Import the file and return the seconds that it took."""
    from django.core.management import call_command

    with open(os.devnull, "w") as devnull:
        started = perf_counter()
        call_command(f"import_{kind}", file, apply=True, stdout=devnull)
        return perf_counter() - started


def write_floor(kind: str) -> float:
    """Write the rows of that import once more and return the seconds that the writing took, without the reading."""
    table, event = TABLES[kind]
    return copy_rows(table, "1 = 1") + copy_rows("audit_auditevent", f"name = '{event}'")


def copy_rows(table: str, condition: str) -> float:
    """Copy the rows of a table that meet an SQL condition and return the seconds that the writing took."""
    from django.db import connection, transaction

    seconds = 0.0
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE floor_{table} AS SELECT * FROM {table} WHERE 1 = 0")  # noqa: S608 - names of this file
        cursor.execute(f"SELECT * FROM {table} WHERE {condition}")  # noqa: S608
        rows = cursor.fetchall()
        insert = f"INSERT INTO floor_{table} VALUES ({', '.join(['%s'] * len(rows[0]))})"  # noqa: S608
        remaining = iter(rows)
        while batch := list(islice(remaining, 500)):
            started = perf_counter()
            with transaction.atomic():
                cursor.executemany(insert, batch)
            seconds += perf_counter() - started
        cursor.execute(f"DROP TABLE floor_{table}")
    return seconds


# --- Series of steps ----------------------------------------------------------------------------------


@contextmanager
def start_database(name: str, directory: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{directory / 'cerbere.sqlite3'}"
        return
    server = postgresql.start()
    try:
        yield server.url
    finally:
        server.stop()


def run_python(environ: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    process = subprocess.run(  # noqa: S603 - a command of this file
        command, env=environ, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return process.stdout


def run_series(name: str, lines: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as directory, start_database(name, Path(directory)) as url:
        write_files(Path(directory), lines)
        environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": "cerbere.settings", "CERBERE_DATABASE_URL": url, "CERBERE_SEED_KEYS": SEED_KEYS,
            "CERBERE_SECRET_KEY": "only-for-the-bench-0123456789abcdef", "CERBERE_MELOTP_SOURCE": "imported",
        }  # fmt: skip
        run_python(environ, "manage.py", "migrate", "--skip-checks", "--verbosity", "0")
        command = ["-m", "bench.imports", "--step"]
        return {
            f"{step} {kind}": json.loads(run_python(environ, *command, step, kind, f"{directory}/{kind}"))
            for kind in TABLES
            for step in ("import", "floor")
        }


def print_report(name: str, small: int, large: int) -> None:
    """Print one row of the table for each kind of import, with files of `small` and of `large` lines."""
    small_series, large_series = run_series(name, small), run_series(name, large)
    for kind in TABLES:
        few, many = small_series[f"import {kind}"], large_series[f"import {kind}"]
        ratio = many["seconds"] / large_series[f"floor {kind}"]["seconds"]
        print(
            f"| {kind}, {name} | {few['seconds']:.1f} | {many['seconds']:.1f} "
            f"| {large / many['seconds']:.0f} | {ratio:.1f} "
            f"| {few['peak']:.0f} | {many['peak']:.0f} | {many['peak'] / few['peak']:.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, nargs=2, default=[10_000, 100_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(run_step(*options.step)))
        return
    small, large = options.lines
    print(f"| import | s, {small} | s, {large} | lines/s | × executemany | MiB, {small} | MiB, {large} | growth |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.databases:
        print_report(name, small, large)


if __name__ == "__main__":
    main()
