"""Starts what is measured, all on one core: PostgreSQL with its default durability, and servers beside it.

Every process is a child of ours, so it inherits the core that `on_core` chose.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import psycopg

from bench import data
from bench.flows import Target
from bench.load import SERVER_CORE
from cerbere.demo.secret_files import random_text, seed_key, signing_keys
from tests.support.servers import postgresql

ROOT = Path(__file__).resolve().parent.parent
UNITS = ("sso", "login", "code", "published")  # of Cerbère
START_TIMEOUT = 60  # seconds
STRAY = ("CERBERE_", "PIAG_", "DJANGO_", "GUNICORN_", "GRANIAN_", "WEB_CONCURRENCY")
SERVE = ["cerbere.serve"]  # as in the image
# As in the images of before, and in a peer's; for those trees it is to be installed beside the lock.
GUNICORN = ["gunicorn", "--worker-class=gthread", "--workers=2", "--threads=8", "--limit-request-line=8190",
            "--worker-tmp-dir=/dev/shm", "--no-control-socket"]  # fmt: skip


@dataclass(frozen=True)
class Running:
    target: Target
    units: Sequence[str]
    pids: list[int]
    manage: Callable[..., object] | None = None  # a command of Cerbère's manage.py, by its words


@dataclass
class Bench:
    """Everything that runs; `directory` holds logs and goes away with it."""

    directory: Path
    cluster: postgresql.Server | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def stop(self) -> None:
        """Whole, also after Ctrl-C and whatever comes after it."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        if self.cluster:
            self.cluster.stop()

    def spawn(self, name: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path = ROOT) -> int:
        with (self.directory / f"{name}.log").open("wb") as log, on_core(SERVER_CORE):
            process = subprocess.Popen(  # noqa: S603
                command, env=environment, cwd=cwd, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C reaches us only, who stop all in order
            )  # fmt: skip
        self.processes.append(process)
        return process.pid

    def database(self, name: str) -> str:
        """A new database's URL, by the socket that PostgreSQL has for its own machine."""
        if self.cluster is None:
            with on_core(SERVER_CORE):
                self.cluster = postgresql.start(options="")  # the suite's own clusters risk their data, this may not
        with psycopg.connect(self.cluster.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "bench-{name}"')
        socket = quote(str(self.cluster.directory), safe="")
        return self.cluster.url.replace("127.0.0.1", socket).rpartition("/")[0] + f"/bench-{name}"

    @property
    def pids(self) -> list[int]:
        """The roots of all that runs."""
        return [process.pid for process in self.processes] + ([self.postmaster] if self.cluster else [])

    @property
    def postmaster(self) -> int:
        assert self.cluster
        return int((self.cluster.directory / "data" / "postmaster.pid").read_text().split()[0])


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started inside stays on this core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(STRAY)}


def wait_for(url: str) -> None:
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end:
        try:
            urlopen(url, timeout=5).close()  # noqa: S310
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"bench: no answer from {url}")


def cerbere_environment(bench: Bench, name: str, tree: Path, base: str, fill: Sequence[str]) -> dict[str, str]:
    """Settings of this tree's Cerbère at this address, on a database that these modules of the tree's have filled."""
    environment = clean_environment() | {
        "DJANGO_SETTINGS_MODULE": "cerbere.settings", "PYTHONPATH": f"{tree}:{os.environ.get('PYTHONPATH', '')}",
        "CERBERE_PUBLIC_URL": base, "CERBERE_DATABASE_URL": bench.database(name),
        "CERBERE_SECRET_KEY": random_text(), "CERBERE_SEED_KEYS": seed_key(), "CERBERE_SIGNING_KEYS": signing_keys(),
        "CERBERE_MELOTP_SOURCE": "imported",
    }  # fmt: skip
    environment |= image_environment(tree)
    for step in (["manage.py", "migrate", "--verbosity=0"], *(["-m", module] for module in fill)):
        subprocess.run([python_of(tree), *step], env=environment, cwd=tree, check=True)  # noqa: S603
    return environment


def image_environment(tree: Path) -> dict[str, str]:
    """What the image of a tree of before sets for glibc, which `cerbere.serve` does now."""
    return dict(re.findall(r"^\s*(GLIBC_TUNABLES)=(\S+)", (tree / "Dockerfile").read_text(), re.MULTILINE))


def python_of(tree: Path) -> str:
    """Of its own virtual environment, if it has one: two interpreters can be compared."""
    own = tree / ".venv" / "bin" / "python"
    return str(own) if tree != ROOT and own.exists() else sys.executable


def cerbere_target(name: str, base: str) -> Target:
    return Target(
        name, base, "bench", data.CLIENT_SECRET, data.PASSWORD, users=data.AGENTS,
        code_client_id="bench-code", otp_secret=data.OTP_SECRET,
    )  # fmt: skip


def cerbere(bench: Bench, name: str, tree: Path, fill: Sequence[str] = ("bench.data",)) -> Running:
    """Cerbère as this tree has it, behind the server of its image, on a database of its own."""
    port = postgresql.free_port()
    base = f"http://127.0.0.1:{port}"
    environment = cerbere_environment(bench, name, tree, base, fill)
    metrics = bench.directory / f"{name}-metrics"
    metrics.mkdir()
    environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    server = SERVE if (tree / "cerbere" / "serve.py").exists() else GUNICORN
    command = [python_of(tree), "-m", *listening(server, port, "cerbere.wsgi")]
    pid = bench.spawn(name, command, environment, tree)
    wait_for(f"{base}/readyz")
    manage = partial(subprocess.run, env=environment, cwd=tree, check=True)
    return Running(
        cerbere_target(name, base),
        UNITS,
        [pid, bench.postmaster],
        lambda *words: manage([python_of(tree), "manage.py", *words]),
    )


def listening(server: list[str], port: int, program: str) -> list[str]:
    if server == SERVE:
        return [*SERVE, program, f"--port={port}"]
    return [*server, f"--bind=127.0.0.1:{port}", f"{program}:application"]


def floor_servers(bench: Bench) -> list[Running]:
    port = postgresql.free_port()
    environment = clean_environment() | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
    pid = bench.spawn("floor", [sys.executable, "-m", *listening(SERVE, port, "bench.floor_app")], environment)
    base = f"http://127.0.0.1:{port}"
    wait_for(base)
    paths = {"bare 200": "/", "empty Django view": "/django"}
    return [Running(Target(name, base, "", "", "", path), ("bare",), [pid]) for name, path in paths.items()]
