"""The load generator, a process of its own: some browsers repeat one unit of work until the time is up.

    python -m bench.load UNIT SECONDS PIDS ALL_PIDS < target.json

prints one JSON object. PIDS are the server side, ALL_PIDS whatever the bench has started. Latencies are those
of whole units, the generator's own work included.
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
from bench.client import HEAD_END, Browser
from bench.flows import Flows, Target

AGENTS = 8
WARM_UP = 1.0  # seconds
LEAST = 10  # units in one run, else it tells nothing
SERVER_CORE = 0
LAST_CHUNK = b"\r\n0\r\n\r\n"
Work = Callable[[Browser], Awaitable[None]]


class Run:
    def __init__(self, roots: list[int], ours: list[int], seconds: float) -> None:
        self.roots, self.ours, self.seconds = roots, ours, seconds
        self.latencies: list[float] = []
        self.measuring = False

    async def measure(self) -> dict[str, float]:
        """While the browsers are at work: wait for the warm-up, then for the time that counts."""
        await asyncio.sleep(WARM_UP)
        before, others = self._clocks(), proc.others(self.ours)
        self.measuring = True
        await asyncio.sleep(self.seconds)
        self.measuring = False
        now = proc.others(self.ours)
        wall, server, own = (end - start for start, end in zip(before, self._clocks(), strict=True))
        return self._figures(wall, server, proc.spent_on(SERVER_CORE, others, now), own)

    def _clocks(self) -> tuple[float, float, float]:
        """The wall's, the server side's and our own."""
        return time.perf_counter(), proc.cpu_seconds(self.roots), time.process_time()

    def _figures(self, wall: float, server: float, foreign: float, own: float) -> dict[str, float]:
        """Empty when there are too few units to speak of."""
        count = len(self.latencies)
        if count < LEAST:
            return {}
        cuts = statistics.quantiles(self.latencies, n=100)
        return {
            "count": count, "per_second": count / wall, "p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000,
            "cpu_ms": server / count * 1000, "foreign": foreign / wall, "server": server / wall,
            "generator": own / wall, "memory_mib": proc.memory_mib(self.roots),
        }  # fmt: skip


async def repeat(work: Work, browser: Browser, run: Run) -> None:
    while True:
        start = time.perf_counter()
        await work(browser)
        if run.measuring:
            run.latencies.append(time.perf_counter() - start)


class Getter(asyncio.Protocol):
    """Asks for the same addresses in turn, the next as soon as an answer is whole."""

    def __init__(self, requests: list[bytes], run: Run) -> None:
        self.requests, self.run, self.turn, self.received = requests, run, 0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._ask()

    def _ask(self) -> None:
        self.start = time.perf_counter()
        self.transport.write(self.requests[self.turn % len(self.requests)])
        self.turn += 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(HEAD_END)
        if not end or not _is_whole(head, body):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"bench: {head[:100]!r}")
        self.received = b""
        if self.run.measuring:
            self.run.latencies.append(time.perf_counter() - self.start)
        self._ask()


def _is_whole(head: bytes, body: bytes) -> bool:
    """By its length; without one the body comes in chunks, to the empty one."""
    _, told, rest = head.lower().partition(b"content-length:")
    return len(body) >= int(rest.split(b"\r\n", 1)[0]) if told else body.endswith(LAST_CHUNK)


async def gets(base: str, paths: list[str], run: Run) -> None:
    parts = urlsplit(base)
    requests = [f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode() for path in paths]
    loop = asyncio.get_running_loop()
    for _ in range(AGENTS):
        await loop.create_connection(lambda: Getter(requests, run), parts.hostname, parts.port)


async def main(unit: str, run: Run, target: Target) -> dict[str, float]:
    if unit == "bare":
        await gets(target.base, [target.discovery], run)
        return await run.measure()
    first = Browser(target.base)
    configuration = json.loads((await first.get(target.base + target.discovery)).body)
    if unit == "published":
        await gets(target.base, [target.discovery, urlsplit(configuration["jwks_uri"]).path], run)
        return await run.measure()
    flows = Flows(target, configuration, json.loads((await first.get(configuration["jwks_uri"])).body))
    browsers = [Browser(target.base) for _ in range(AGENTS)]
    if unit == "sso":
        await asyncio.gather(*(flows.sso(browser) for browser in browsers))
    at_work = [asyncio.create_task(repeat(getattr(flows, unit), browser, run)) for browser in browsers]
    measure = asyncio.create_task(run.measure())
    await asyncio.wait([measure, *at_work], return_when=asyncio.FIRST_COMPLETED)
    for task in at_work:
        if task.done():
            task.result()  # a failed flow fails the run
    return measure.result()


if __name__ == "__main__":
    unit, seconds, *pids = sys.argv[1:]
    roots, ours = ([int(pid) for pid in each.split(",")] for each in pids)
    target = Target(**json.load(sys.stdin))
    found = asyncio.run(main(unit, Run(roots, ours, float(seconds)), target))
    print(json.dumps(found), flush=True)
    os._exit(0)  # the browsers are still at work
