"""PIAG as it runs in production: a process of its own under granian, with its own database, reached by HTTP only."""

import atexit
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from django.core import signing

from tests.support.paths import ROOT
from tests.support.servers.programs import clean_environment, end, free_port

START_SECONDS = 30
PROGRAM = "tests.support.servers.traced_piag" if "COVERAGE_PROCESS_CONFIG" in os.environ else "piag_gateway.wsgi"
SECRET_KEY = secrets.token_hex(32)
BUTTON = "S'authentifier avec Cerbère"


@dataclass(frozen=True)
class Piag:
    url: str
    log_path: Path
    database_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of the log with this event, oldest first."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.database_path)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()


def parse_query(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


class Browser(requests.Session):
    """Somebody in front of PIAG, without JavaScript."""

    def __init__(self, piag: Piag) -> None:
        super().__init__()
        self.piag = piag

    def open(self, address: str, follow: bool = True, **options: Any) -> requests.Response:
        address = address if address.startswith("http") else self.piag.url + address
        return self.get(address, allow_redirects=follow, timeout=20, **options)

    def to_callback(self, page: str = "/assistant/") -> str:
        """Start a sign-in at this page, and return the URL of the provider's redirect, not opened yet."""
        away = self.open(page, follow=False)
        return self.open(away.headers["Location"], follow=False).headers["Location"]

    def submit(self, page: requests.Response, action: str, follow: bool = True, **fields: str) -> requests.Response:
        """Send the form of this page that has this `action`, with some fields changed."""
        form = re.search(rf'<form method="post" action="{action}">(.*?)</form>', page.text, re.DOTALL)
        assert form, f"no form to {action}"
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[1]))
        headers = {"Origin": self.piag.url}
        data = {**hidden, **fields}
        return self.post(self.piag.url + action, data, headers=headers, allow_redirects=follow, timeout=20)

    @property
    def session_key(self) -> str:
        return next(cookie.value or "" for cookie in self.cookies if cookie.name.endswith("piag_session"))

    def change_session(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the stored session, as if time had passed or another version had written it."""
        [(data,)] = self.piag.sql(
            "SELECT session_data FROM piag_gateway_session WHERE session_key = ?", self.session_key
        )
        salt = "django.contrib.sessions.SessionStore"
        session = signing.loads(data, key=SECRET_KEY, salt=salt)
        change(session)
        data = signing.dumps(session, key=SECRET_KEY, salt=salt)
        self.piag.sql("UPDATE piag_gateway_session SET session_data = ? WHERE session_key = ?", data, self.session_key)


@contextmanager
def running_piag(
    tmp_path: Path, issuer: str, client_id: str, client_secret: str, port: int = 0, **env: str
) -> Iterator[Piag]:
    """Run PIAG on a loopback port (0: a free one) for this issuer; `env` overrides any setting.

    Its public name is 127.0.0.1 unless PIAG_PUBLIC_URL says otherwise; `url` is where it listens in any case.
    """
    port = port or free_port()
    piag = Piag(f"http://127.0.0.1:{port}", tmp_path / "piag.log", tmp_path / "piag.sqlite3")
    settings = piag_environment(piag, issuer, client_id, client_secret, env)
    migrate(settings, piag.database_path)
    with piag.log_path.open("ab") as log, _granian(port, settings, log) as process:
        wait_until_healthy(piag, process, settings["PIAG_PUBLIC_URL"])
        yield piag


def piag_environment(
    piag: Piag, issuer: str, client_id: str, client_secret: str, env: dict[str, str]
) -> dict[str, str]:
    return clean_environment() | {
        "DJANGO_SETTINGS_MODULE": "piag_gateway.settings",
        "PIAG_PUBLIC_URL": piag.url,
        "PIAG_SECRET_KEY": SECRET_KEY,
        "PIAG_DATABASE_URL": f"sqlite:///{piag.database_path}",
        "PIAG_OIDC_ISSUER": issuer,
        "PIAG_OIDC_CLIENT_ID": client_id,
        "PIAG_OIDC_CLIENT_SECRET": client_secret,
        **env,
    }


def wait_until_healthy(piag: Piag, process: subprocess.Popen[bytes], public_url: str) -> None:
    host = public_url.partition("://")[2]
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{piag.url}/healthz", headers={"Host": host}, timeout=5).status_code == 200:
                return
        except (requests.ConnectionError, requests.Timeout):  # a busy machine
            time.sleep(0.05)
    raise RuntimeError(f"PIAG did not start:\n{piag.log}")


@contextmanager
def _granian(port: int, settings: dict[str, str], log: object) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "cerbere.serve", PROGRAM, f"--port={port}", "--workers=1"]
    command += ["--workers-kill-timeout=1"]
    process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=log, stderr=subprocess.STDOUT)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        end(process)


def migrate(settings: dict[str, str], database: Path) -> None:
    """Copy a migrated database, made once, unless the settings name another kind or an existing one."""
    if settings["PIAG_DATABASE_URL"] == f"sqlite:///{database}" and not database.exists():
        shutil.copy(_migrated(), database)


@cache
def _migrated() -> Path:
    scratch = Path(tempfile.mkdtemp(prefix="piag-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    database = scratch / "empty.sqlite3"
    manage("migrate", "--verbosity=0", PIAG_DATABASE_URL=f"sqlite:///{database}")
    return database


def manage(*arguments: str, **env: str) -> None:
    settings = {
        "DJANGO_SETTINGS_MODULE": "piag_gateway.settings",
        "PIAG_SECRET_KEY": SECRET_KEY,
        "PIAG_OIDC_CLIENT_SECRET": "unused",
    }
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=clean_environment() | settings | env, check=True)
