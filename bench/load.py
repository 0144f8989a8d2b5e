"""The load generator, a process of its own: browsers repeat one unit of work until the time is up.

    python -m bench.load UNIT SECONDS SERVER_PIDS ALL_PIDS < target.json

prints one JSON object, empty when too few units were done. SERVER_PIDS are the roots of the server side, ALL_PIDS
those of everything that the bench has started. Latencies are those of whole units, the generator's work included.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from bench import proc
from bench.client import HEADERS_END, Browser
from bench.flows import Flows, Target

BROWSERS = 8
SETTLING = 1.0  # seconds under load before the measured ones
MIN_UNITS = 10  # in one run: fewer say nothing
SERVER_CORE = 0
LAST_CHUNK = b"\r\n0\r\n\r\n"
Unit = Callable[[Browser], Awaitable[None]]


class Run:
    def __init__(self, roots: list[int], ours: list[int], seconds: float) -> None:
        self.roots, self.ours, self.seconds = roots, ours, seconds
        self.latencies: list[float] = []
        self.is_measuring = False

    async def measure(self) -> dict[str, float]:
        """Let the browsers settle, then measure while they work."""
        await asyncio.sleep(SETTLING)
        before, others = self._read_clocks(), proc.other_processes(self.ours)
        self.is_measuring = True
        await asyncio.sleep(self.seconds)
        self.is_measuring = False
        others_now = proc.other_processes(self.ours)
        wall, server, own = (end - start for start, end in zip(before, self._read_clocks(), strict=True))
        return self._figures(wall, server, proc.seconds_on_core(SERVER_CORE, others, others_now), own)

    def _read_clocks(self) -> tuple[float, float, float]:
        """Return the wall's time, the server side's CPU seconds and the generator's."""
        return time.perf_counter(), proc.cpu_seconds(self.roots), time.process_time()

    def _figures(self, wall: float, server: float, foreign: float, own: float) -> dict[str, float]:
        count = len(self.latencies)
        if count < MIN_UNITS:
            return {}
        cuts = statistics.quantiles(self.latencies, n=100)
        return {
            "count": count, "per_second": count / wall, "p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000,
            "cpu_ms": server / count * 1000,
            "server": server / wall, "foreign": foreign / wall, "generator": own / wall,
        }  # fmt: skip


async def repeat(unit: Unit, browser: Browser, run: Run) -> None:
    while True:
        start = time.perf_counter()
        await unit(browser)
        if run.is_measuring:
            run.latencies.append(time.perf_counter() - start)


class Getter(asyncio.Protocol):
    """Request the same URLs in turn, the next as soon as a response is complete."""

    def __init__(self, requests: list[bytes], run: Run) -> None:
        self.requests, self.run, self.turn, self.received = requests, run, 0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send_request()

    def _send_request(self) -> None:
        self.start = time.perf_counter()
        self.transport.write(self.requests[self.turn % len(self.requests)])
        self.turn += 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        headers, end, body = self.received.partition(HEADERS_END)
        if not end or not is_complete(headers, body):
            return
        if not headers.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"bench: {headers[:100]!r}")
        self.received = b""
        if self.run.is_measuring:
            self.run.latencies.append(time.perf_counter() - self.start)
        self._send_request()


def is_complete(headers: bytes, body: bytes) -> bool:
    """Judge by Content-Length; without it the body comes in chunks, the last one empty."""
    _, length, rest = headers.lower().partition(b"content-length:")
    return len(body) >= int(rest.split(b"\r\n", 1)[0]) if length else body.endswith(LAST_CHUNK)


async def get_published(flows: Flows, target: Target, run: Run) -> dict[str, float]:
    parts = urlsplit(target.base)
    paths = [target.discovery, urlsplit(flows.endpoints["jwks_uri"]).path]
    requests = [f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode() for path in paths]
    loop = asyncio.get_running_loop()
    for _ in range(BROWSERS):
        await loop.create_connection(lambda: Getter(requests, run), str(parts.hostname), int(parts.port or 80))
    return await run.measure()


async def repeat_flows(unit: Unit, browsers: list[Browser], run: Run) -> dict[str, float]:
    workers = [asyncio.create_task(repeat(unit, browser, run)) for browser in browsers]
    measure = asyncio.create_task(run.measure())
    await asyncio.wait([measure, *workers], return_when=asyncio.FIRST_COMPLETED)
    for task in workers:
        if task.done():
            task.result()  # a failed flow fails the run
    return measure.result()


async def main(unit: str, run: Run, target: Target) -> dict[str, float]:
    flows = await Flows.discover(target, Browser())
    if unit == "published":
        return await get_published(flows, target, run)
    browsers = [Browser() for _ in range(BROWSERS)]
    if unit == "sso":
        await asyncio.gather(*(flows.sso(browser) for browser in browsers))  # opens their sessions
    return await repeat_flows(getattr(flows, unit), browsers, run)


if __name__ == "__main__":
    unit, seconds, *pids = sys.argv[1:]
    roots, ours = ([int(pid) for pid in each.split(",")] for each in pids)
    target = Target(**json.load(sys.stdin))
    figures = asyncio.run(main(unit, Run(roots, ours, float(seconds)), target))
    print(json.dumps(figures), flush=True)
    os._exit(0)  # the browsers are still at work
