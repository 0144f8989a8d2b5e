"""Start what is measured on one core: PostgreSQL with its default durability, and servers beside it.

Every process is a child of this one and inherits the core that `on_core` chose.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

import psycopg

from bench.flows import Target
from bench.load import SERVER_CORE
from tests.support.servers import postgresql

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("BENCH_CACHE") or Path.home() / ".cache" / "cerbere-bench")  # what peers are installed in
PASSWORD = "correct cheval pile agrafe"  # of every account
CLIENT_SECRET = "the-secret-of-the-client-of-the-bench"
START_TIMEOUT = 120  # seconds
SETTINGS_PREFIXES = ("CERBERE_", "PIAG_", "DJANGO_", "GRANIAN_", "GUNICORN_", "WEB_CONCURRENCY", "KC_", "JAVA_OPTS")


@dataclass(frozen=True)
class Server:
    """A running server. `processes` are the roots of its own programs, `postmaster` that of its database, if any."""

    target: Target
    units: Sequence[str]
    processes: list[int]
    postmaster: int | None = None
    warm_up: Mapping[str, float] = field(default_factory=dict)  # seconds by unit, where it needs longer than others
    measures: Mapping[str, Callable[[], float]] = field(default_factory=dict)  # by unit, without the load generator

    @property
    def roots(self) -> list[int]:
        return self.processes + ([self.postmaster] if self.postmaster else [])


@dataclass
class Bench:
    """Everything that runs. `directory` holds logs and is removed at the end."""

    directory: Path
    cluster: postgresql.Server | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def spawn(self, name: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path = ROOT) -> int:
        with (self.directory / f"{name}.log").open("wb") as log, on_core(SERVER_CORE):
            process = subprocess.Popen(  # noqa: S603
                command, env=environment, cwd=cwd, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C reaches only the bench, which stops everything in order
            )  # fmt: skip
        self.processes.append(process)
        return process.pid

    def create_database(self, name: str) -> str:
        """Return the URL of a new database, by PostgreSQL's socket."""
        if self.cluster is None:
            with on_core(SERVER_CORE):
                self.cluster = postgresql.start(options="")  # unlike the test suite's clusters, with fsync
        with psycopg.connect(self.cluster.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "bench-{name}"')
        socket = quote(str(self.cluster.directory), safe="")
        return self.cluster.url.replace("127.0.0.1", socket).rpartition("/")[0] + f"/bench-{name}"

    @property
    def roots(self) -> list[int]:
        """Return the roots of everything that runs."""
        return [process.pid for process in self.processes] + ([self.postmaster] if self.cluster else [])

    @property
    def postmaster(self) -> int:
        assert self.cluster
        return int((self.cluster.directory / "data" / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        """Stop everything; further signals are ignored meanwhile."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for process in self.processes:
            end(process)
        if self.cluster:
            self.cluster.stop()


def end(process: subprocess.Popen[bytes]) -> None:
    """End this process and what it started, which is in its process group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Keep on this core what is started inside."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS_PREFIXES)}


def free_base() -> tuple[int, str]:
    """Return a free port and the URL of a server on it."""
    port = postgresql.free_port()
    return port, f"http://127.0.0.1:{port}"


def wait_for(url: str) -> float:
    """Return the seconds until this URL answers with 200."""
    start = time.monotonic()
    while time.monotonic() < start + START_TIMEOUT:
        try:
            urlopen(url, timeout=5).close()  # noqa: S310
        except (HTTPError, URLError, ConnectionError, TimeoutError):
            time.sleep(0.01)
        else:
            return time.monotonic() - start
    raise SystemExit(f"bench: no answer from {url}")
