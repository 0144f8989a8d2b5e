"""Tell where the time of one flow goes: Cerbère in this process, without a server before it.

    .venv/bin/python -m bench.profile sso [--flows 300] [--lines 40] 2>/dev/null

prints the CPU of Python and of PostgreSQL for one flow, then the functions that took most of as many flows under
cProfile. Django's test client passes the requests on, and its own part counts as Python's. The log goes to stderr.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import django
from asgiref.sync import sync_to_async

from bench import cerbere, proc
from bench.client import Browser, Response
from bench.flows import Flows
from bench.load import SERVER_CORE
from bench.server import ROOT, Bench, on_core

BASE = "http://localhost"
WARM_UP = 20  # flows


class InProcessBrowser(Browser):
    """Pass each request to Django's handler by its test client. `spent` is the CPU that they took, in seconds."""

    spent = 0.0
    watch: AbstractContextManager[object] = nullcontext()

    @cached_property
    def client(self) -> Any:
        from django.test import Client  # once Django is set up

        return Client(enforce_csrf_checks=True, SERVER_NAME="localhost")

    async def send(self, method: str, url: str, body: str, headers: dict[str, str], jar: bool) -> Response:
        return await sync_to_async(self._call)(method, url, body, headers, jar)

    def _call(self, method: str, url: str, body: str, headers: dict[str, str], jar: bool) -> Response:
        self.client.cookies = SimpleCookie(self.jar if jar else {})
        content_type = headers.pop("Content-Type", "")
        headers |= {"Origin": BASE} if method == "POST" and jar else {}
        with self.watch:
            start = time.thread_time()
            answer = self.client.generic(method, url.removeprefix(BASE), body, content_type, headers=headers)
            self.spent += time.thread_time() - start
        if jar:
            self._keep_cookies([morsel.OutputString() for morsel in answer.cookies.values()])
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Response(url, answer.status_code, lower, body=answer.getvalue())


async def profile(flows: Flows, browser: InProcessBrowser, unit: str, count: int, postmaster: int) -> cProfile.Profile:
    """Print the CPU of one flow, and return the profile of as many flows."""
    run = getattr(flows, unit)
    for _ in range(WARM_UP):
        await run(browser)
    browser.spent, before = 0.0, proc.cpu_seconds([postmaster])
    for _ in range(count):
        await run(browser)
    database = proc.cpu_seconds([postmaster]) - before
    print(f"{unit}: {browser.spent / count * 1000:.2f} ms of Python, {database / count * 1000:.2f} ms of PostgreSQL")
    browser.watch = profiler = cProfile.Profile(time.thread_time)  # CPU, without the wait for PostgreSQL
    for _ in range(count):
        await run(browser)
    return profiler


async def run_flows(bench: Bench, installed: cerbere.Installation, options: argparse.Namespace) -> None:
    browser = InProcessBrowser()
    flows = await Flows.discover(installed.target(BASE), browser)
    profiler = await profile(flows, browser, options.unit, options.flows, bench.postmaster)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(options.lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.profile", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("unit", choices=["sso", "login", "code"])
    parser.add_argument("--flows", type=int, default=300)
    parser.add_argument("--lines", type=int, default=40, help="of the profile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cerbere-profile-") as directory:
        Path(directory).chmod(0o755)
        bench = Bench(Path(directory))
        try:
            installed = cerbere.install(bench, "profile", ROOT)
            os.environ.update(installed.settings(BASE))
            django.setup()
            with on_core(SERVER_CORE):
                asyncio.run(run_flows(bench, installed, options))
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
