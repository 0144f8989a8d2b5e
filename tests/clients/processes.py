"""Applications as processes of their own, on loopback ports."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.paths import ROOT
from tests.support.servers.programs import clean_environment, end

START_SECONDS = 20


@contextmanager
def running_process(command: Sequence[str], url: str, log: Path, cwd: Path = ROOT, **env: str) -> Iterator[None]:
    """Run the process with its output in `log`; begin the block once `url` gives any response."""
    settings = {name: value for name, value in clean_environment().items() if not name.lower().endswith("_proxy")}
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=cwd, env=settings | env, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(url, process, log)
        yield
    finally:
        end(process)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(url, timeout=5, allow_redirects=False)
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()}")
