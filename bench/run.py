"""Measures Cerbère and what it is compared with, side by side. bench/README.md tells what and why.

    .venv/bin/python -m bench.run [--seconds 8] [--repeats 3] [--only sso,login] [--peers oidc-provider,…]

The server side has core 0, the load generator core 1. Runs of all servers take turns; a run during which
something else used the server's core is thrown away and made again.
"""

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import peers, report
from bench.load import SERVER_CORE
from bench.server import ROOT, Bench, Running, cerbere, floor_servers, on_core

LOAD_CORE = 1
GROWN = "grown"
FOREIGN_AT_MOST = 0.05  # of the server's core
RETRIES = 3  # for each run that is thrown away
UNITS = ("sso", "login", "code", "published", "bare")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8, help="of one run, after its warm-up")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="units, with commas: sso, login, code, published, bare, floors")
    parser.add_argument("--peers", default="", help=f"with commas: {', '.join(peers.PEERS)}")
    parser.add_argument("--tree", action="append", default=[], metavar="NAME=PATH",
                        help="another checkout, measured beside this one, with the server of its image")  # fmt: skip
    parser.add_argument("--grown", action="store_true", help="also this tree on a database as some years fill it")
    parser.add_argument("--all", action="store_true", help="every peer that is installed, and --grown")
    parser.add_argument("--json", type=Path, help="where to keep every run")
    options = parser.parse_args()
    if options.all:
        options.grown = True
        options.peers = ",".join(peers.installed())
    return options


def one(bench: Bench, running: Running, unit: str, seconds: float) -> dict[str, float] | None:
    """One run, made again while something else uses the server's core; None when it always does."""
    pids = (",".join(map(str, each)) for each in (running.pids, bench.pids))
    command = [sys.executable, "-m", "bench.load", unit, str(seconds), *pids]
    for _ in range(RETRIES):
        with on_core(LOAD_CORE):
            done = subprocess.run(  # noqa: S603
                command, input=json.dumps(dataclasses.asdict(running.target)), capture_output=True, text=True, cwd=ROOT
            )
        if done.returncode:
            raise SystemExit(f"bench: {running.target.name}, {unit}: {done.stderr[-1500:]}")
        figures: dict[str, float] = json.loads(done.stdout)
        if not figures:
            continue
        kept = figures["foreign"] <= FOREIGN_AT_MOST
        tell(running.target.name, unit, figures, kept)
        if kept:
            return figures
    return None


def tell(name: str, unit: str, figures: dict[str, float], kept: bool) -> None:
    told = f"{figures['per_second']:.0f}/s {figures['cpu_ms']:.3f} ms CPU, foreign {figures['foreign']:.1%}, "
    busy = f"server {figures['server']:.0%}, generator {figures['generator']:.0%}"
    print(f"{name} {unit}: {told}{busy}{'' if kept else ', thrown away'}", file=sys.stderr, flush=True)


def floor(bench: Bench, url: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.floors", url, str(bench.postmaster)]
    with on_core(SERVER_CORE):
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603
    return dict(json.loads(done.stdout))


def started(bench: Bench, options: argparse.Namespace, wanted: set[str]) -> list[Running]:
    running = [cerbere(bench, "cerbere", ROOT)]
    for name, _, path in (each.partition("=") for each in options.tree):
        running.append(cerbere(bench, name, Path(path).resolve()))
    if options.grown:
        running.append(cerbere(bench, GROWN, ROOT, ("bench.data", "bench.grow")))
    running += [peers.PEERS[name](bench) for name in options.peers.split(",") if name]
    return running + (floor_servers(bench) if not wanted or "bare" in wanted else [])


def measure(bench: Bench, options: argparse.Namespace) -> None:
    wanted = set(filter(None, options.only.split(",")))
    running = started(bench, options, wanted)
    results: report.Results = {}
    floors: list[dict[str, float]] = []
    try:
        for _ in range(options.repeats):
            for unit in (unit for unit in UNITS if not wanted or unit in wanted):
                for each in running:
                    if unit in each.units and (figures := one(bench, each, unit, options.seconds)):
                        results.setdefault((unit, each.target.name), []).append(figures)
            if not wanted or "floors" in wanted:
                floors.append(floor(bench, bench.database(f"floor{len(floors)}")))
    finally:  # what there is, when a run fails or Ctrl-C ends the series
        print(report.whole(results, floors), flush=True)
        if options.json:
            kept = [[*key, runs] for key, runs in results.items()]
            options.json.write_text(json.dumps({"runs": kept, "floors": floors}))
    for each in running:
        if each.target.name == GROWN and each.manage:
            purge(each.manage)


def purge(manage: Callable[..., object]) -> None:
    start = time.monotonic()
    with on_core(LOAD_CORE):
        manage("purge")
    print(f"purge of the grown database: {time.monotonic() - start:.0f} s", flush=True)


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="cerbere-bench-") as directory:
        Path(directory).chmod(0o755)
        bench = Bench(Path(directory))
        try:
            measure(bench, options)
        except KeyboardInterrupt:
            raise SystemExit("bench: stopped") from None
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
