"""Where the time of one flow goes: Cerbère in this process, without a server in front.

    .venv/bin/python -m bench.profile sso [--flows 300] [--lines 40]

Prints the CPU of Python and of PostgreSQL for one flow in milliseconds and, from as many flows under cProfile, the
calls of one flow and the functions that take most. Calls do not depend on what else the machine does: two trees can
be compared by them.
"""

import argparse
import cProfile
import io
import json
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import proc
from bench.client import HEAD_END, Answer, Browser, parse
from bench.flows import Flows
from bench.load import SERVER_CORE
from bench.server import ROOT, Bench, cerbere_environment, cerbere_target, on_core

BASE = "http://localhost:8000"
WARM_UP = 20  # flows
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Direct(Browser):
    """A browser whose requests are calls of the application; `spent` is what they took, in CPU seconds."""

    application: Application
    watch: Callable[[], AbstractContextManager[Any]] = nullcontext
    spent = 0.0

    async def _exchange(self, url: str, raw: bytes) -> Answer:
        environ = _environ(raw)
        started: list[Any] = []
        with self.watch():
            before = time.process_time()
            response = self.application(environ, lambda *status: started.extend(status))
            body = b"".join(response)
            getattr(response, "close", lambda: None)()
            self.spent += time.process_time() - before
        lines = [f"{name}: {value}" for name, value in started[1]]
        answer = parse(url, "\r\n".join([f"HTTP/1.1 {started[0]}", *lines]).encode("latin-1"))
        answer.body = body
        return answer


def _environ(raw: bytes) -> dict[str, Any]:
    """What a server makes of a request (PEP 3333)."""
    head, _, body = raw.partition(HEAD_END)
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, protocol = first.split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_PROTOCOL": protocol,
        "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": str(urlsplit(BASE).port),
        "REMOTE_ADDR": "127.0.0.1", "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    }  # fmt: skip
    for name, _, value in (line.partition(": ") for line in lines):
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def done(steps: Coroutine[Any, Any, Any]) -> Any:
    """What these steps give: none of them waits, and Django would refuse its database inside an event loop."""
    try:
        steps.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a step waits")


def measure(browser: Direct, unit: str, flows: int, lines: int, postmaster: int) -> None:
    target = cerbere_target("here", BASE)
    configuration = json.loads(done(browser.get(BASE + target.discovery)).body)
    keys = json.loads(done(browser.get(configuration["jwks_uri"])).body)
    run = getattr(Flows(target, configuration, keys), unit)
    for _ in range(WARM_UP):
        done(run(browser))
    browser.spent, before = 0, proc.cpu_seconds([postmaster])
    for _ in range(flows):
        done(run(browser))
    database = proc.cpu_seconds([postmaster]) - before
    print(f"{unit}: {browser.spent / flows * 1000:.2f} ms of Python, {database / flows * 1000:.2f} ms of PostgreSQL")
    profile = cProfile.Profile()
    browser.watch = lambda: profile
    for _ in range(flows):
        done(run(browser))
    stats = pstats.Stats(profile)
    print(f"{unit}: {stats.total_calls / flows:.0f} calls", flush=True)  # type: ignore[attr-defined]
    stats.sort_stats("tottime").print_stats(lines)


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
            os.environ.update(cerbere_environment(bench, "profile", ROOT, BASE, ["bench.data"]))
            from cerbere.serve import keep_memory
            from cerbere.wsgi import application

            keep_memory()

            browser = Direct(BASE)
            browser.application = application
            with on_core(SERVER_CORE):
                measure(browser, options.unit, options.flows, options.lines, bench.postmaster)
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
