"""Start Cerbère as a checkout has it: this tree, the same on a grown database, or another tree."""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.client import Browser
from bench.flows import CALLBACK, Flows, Target
from bench.grow import grow
from bench.load import SERVER_CORE
from bench.server import PASSWORD, ROOT, Bench, Server, clean_environment, end, free_base, on_core, wait_for
from cerbere.demo.secret_files import random_text, seed_key, signing_keys

SERVE = ("-m", "cerbere.serve", "cerbere.wsgi")  # as the image starts it
OTP_SECRET = "12345678901234567890"
AGENTS = 3000
CLIENTS = f"""
[clients.bench]
redirect_uris = ["{CALLBACK}"]
[clients.bench-code]
minimum = "eidas2"
redirect_uris = ["{CALLBACK}"]
"""


@dataclass(frozen=True)
class Installation:
    """A tree with its settings, on a filled database of its own."""

    name: str
    directory: Path
    tree: Path
    database: str
    environment: dict[str, str]
    client_secrets: dict[str, str]

    def target(self, base: str) -> Target:
        return Target(
            self.name, base, "bench", self.client_secrets["bench"], PASSWORD, users=AGENTS,
            code_client_id="bench-code", code_client_secret=self.client_secrets["bench-code"], otp_secret=OTP_SECRET,
        )  # fmt: skip

    def settings(self, base: str) -> dict[str, str]:
        """Return the environment of one server, whose metrics stand apart from the others'."""
        metrics = tempfile.mkdtemp(prefix="metrics-", dir=self.directory)
        return self.environment | {"CERBERE_PUBLIC_URL": base, "PROMETHEUS_MULTIPROC_DIR": metrics}

    def hash_ms(self) -> float:
        with on_core(SERVER_CORE):
            return float(run_script(self.tree, self.environment, "password_hash.py"))

    def start_seconds(self) -> float:
        """Start one more server, wait until it is ready, and stop it."""
        port, base = free_base()
        with on_core(SERVER_CORE):
            process = subprocess.Popen(  # noqa: S603
                [python_of(self.tree), *SERVE, f"--port={port}"], env=self.settings(base), cwd=self.tree,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        try:
            return wait_for(f"{base}/readyz")
        finally:
            end(process)


def start(bench: Bench, name: str, tree: Path = ROOT, is_grown: bool = False) -> Server:
    """Start this tree's server. A grown database is filled once a first sign-on has made a grant to copy."""
    installed = install(bench, name, tree)
    port, base = free_base()
    target = installed.target(base)
    pid = bench.spawn(name, [python_of(tree), *SERVE, f"--port={port}"], installed.settings(base), tree)
    wait_for(f"{base}/readyz")
    if is_grown:
        asyncio.run(sign_on_once(target))
        grow(installed.database)
    measures = {} if is_grown else {"hash": installed.hash_ms, "start": installed.start_seconds}
    return Server(target, ("sso", "login", "code", "published"), [pid], bench.postmaster, measures=measures)


def install(bench: Bench, name: str, tree: Path) -> Installation:
    """Make the settings and the database of this tree's Cerbère."""
    database = bench.create_database(name)
    environment = clean_environment() | {
        "DJANGO_SETTINGS_MODULE": "cerbere.settings", "CERBERE_PUBLIC_URL": "http://127.0.0.1",
        "CERBERE_DATABASE_URL": database, "CERBERE_SECRET_KEY": random_text(), "CERBERE_SEED_KEYS": seed_key(),
        "CERBERE_SIGNING_KEYS": signing_keys(), "CERBERE_MELOTP_SOURCE": "imported",
    }  # fmt: skip
    environment |= image_environment(tree)
    migrate = [python_of(tree), "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(migrate, env=environment, cwd=tree, check=True)  # noqa: S603
    clients = bench.directory / f"{name}-clients.toml"
    clients.write_text(CLIENTS)
    output = run_script(tree, environment, "fill.py", str(AGENTS), PASSWORD, OTP_SECRET, str(clients))
    return Installation(name, bench.directory, tree, database, environment, json.loads(output))


def image_environment(tree: Path) -> dict[str, str]:
    """Return what the tree's image sets for the C library."""
    return dict(re.findall(r"^\s*(GLIBC_TUNABLES)=(\S+)", (tree / "Dockerfile").read_text(), re.MULTILINE))


def python_of(tree: Path) -> str:
    """Return the Python of the tree's own virtual environment, if it has one."""
    own = tree / ".venv" / "bin" / "python"
    return str(own) if tree != ROOT and own.exists() else sys.executable


def run_script(tree: Path, environment: dict[str, str], script: str, *arguments: str) -> str:
    """Return the output of a script of this folder, run in the tree: by its text, since the tree has a `bench` too."""
    text = Path(__file__).with_name(script).read_text()
    command = [python_of(tree), "-", *arguments]
    done = subprocess.run(command, env=environment, cwd=tree, input=text, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"bench: {script} in {tree}: {done.stderr[-1500:]}")
    return done.stdout


async def sign_on_once(target: Target) -> None:
    browser = Browser()
    await (await Flows.discover(target, browser)).sso(browser)
