"""Measure Cerbère and what it is compared with, in one run. bench/README.md tells what and how.

    .venv/bin/python -m bench.run [--rounds 5] [--seconds 8] [--units sso,login] [--servers keycloak,…]

The server side has core 0, the load generator core 1. In each round all servers take turns; a measurement during which
other processes used the servers' core is thrown away and made again.
"""

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import cerbere, proc, report
from bench.peers import PEERS, installed_names
from bench.report import CERBERE, GROWN
from bench.server import ROOT, Bench, Server, on_core

LOAD_CORE = 1
WARM_UP = 3.0  # seconds of each unit before the first round
TRIES = 3  # of one measurement, before the round goes on without it


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8, help="of one measurement")
    parser.add_argument("--units", default=",".join(report.COLUMNS), help="by default %(default)s")
    servers = f"beside Cerbère; by default {GROWN} and what is installed of {', '.join(PEERS)}"
    parser.add_argument("--servers", metavar="NAMES", help=servers)
    tree = "another checkout of Cerbère beside this one, run with its own .venv if it has one"
    parser.add_argument("--tree", action="append", default=[], metavar="NAME=PATH", help=tree)
    foreign = "of the servers' core that others may use in a measurement (%(default)s)"
    parser.add_argument("--foreign", type=float, default=5, metavar="PERCENT", help=foreign)
    parser.add_argument("--json", type=Path, help="where to keep every measurement")
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="cerbere-bench-") as directory:
        Path(directory).chmod(0o755)
        bench = Bench(Path(directory))
        try:
            measure_rounds(bench, options)
        except KeyboardInterrupt:
            raise SystemExit("bench: stopped") from None
        finally:
            bench.stop()


def measure_rounds(bench: Bench, options: argparse.Namespace) -> None:
    units = options.units.split(",")
    servers = start_servers(bench, options)
    results: report.Results = {}
    try:
        for number in range(options.rounds):
            for unit in units:
                for server in servers:
                    if figures := measure(bench, server, unit, options):
                        results.setdefault((unit, server.target.name), []).append(figures)
            print(f"round {number + 1} of {options.rounds} is over", file=sys.stderr, flush=True)
    finally:  # also when a measurement fails or Ctrl-C ends the run
        print(f"{describe_run(options)}\n\n{report.format_tables(results)}", flush=True)
        if options.json:
            options.json.write_text(json.dumps([[*key, runs] for key, runs in results.items()]))


def describe_run(options: argparse.Namespace) -> str:
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.check_output(git, cwd=ROOT, text=True).strip()  # noqa: S603
    python = sys.version.split()[0]
    return f"Commit {commit}, Python {python}, {options.rounds} rounds of {options.seconds:g} s."


def start_servers(bench: Bench, options: argparse.Namespace) -> list[Server]:
    trees = {name: Path(path).resolve() for name, _, path in (each.partition("=") for each in options.tree)}
    servers = [cerbere.start(bench, name, tree) for name, tree in ({CERBERE: ROOT} | trees).items()]
    for name in chosen_names(options):
        is_grown = name == GROWN
        servers.append(cerbere.start(bench, GROWN, is_grown=True) if is_grown else PEERS[name].start(bench))
        print(f"{name} has started", file=sys.stderr, flush=True)
    for server in servers:
        for unit in server.units:
            if unit in options.units.split(","):
                generate_load(bench, server, unit, server.warm_up.get(unit, WARM_UP))
    return servers


def chosen_names(options: argparse.Namespace) -> list[str]:
    if options.servers is not None:
        return [name for name in options.servers.split(",") if name]
    for name in PEERS:
        if name not in installed_names():
            print(f"{name} is left out: python -m bench.install {name}", file=sys.stderr, flush=True)
    return [GROWN, *installed_names()]


def measure(bench: Bench, server: Server, unit: str, options: argparse.Namespace) -> report.Figures | None:
    """Return the figures of one measurement, None if this server has none of this unit or never the core to itself."""
    if unit in server.measures:
        return {"value": server.measures[unit]()}
    for _ in range(TRIES if unit in server.units else 0):
        figures = generate_load(bench, server, unit, options.seconds)
        figures["largest_mib"] = proc.largest_mib(server.processes)
        is_kept = "cpu_ms" in figures and figures["foreign"] * 100 <= options.foreign
        print(describe(server.target.name, unit, figures, is_kept), file=sys.stderr, flush=True)
        if is_kept:
            return figures
    return None


def generate_load(bench: Bench, server: Server, unit: str, seconds: float) -> report.Figures:
    pids = (",".join(map(str, roots)) for roots in (server.roots, bench.roots))
    command = [sys.executable, "-m", "bench.load", unit, str(seconds), *pids]
    target = json.dumps(dataclasses.asdict(server.target))
    with on_core(LOAD_CORE):
        done = subprocess.run(command, input=target, capture_output=True, text=True, cwd=ROOT)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"bench: {server.target.name}, {unit}: {done.stderr[-1500:]}")
    return dict(json.loads(done.stdout))


def describe(name: str, unit: str, figures: report.Figures, is_kept: bool) -> str:
    if "cpu_ms" not in figures:
        return f"{name} {unit}: too few units"
    busy = ", ".join(f"{who} {figures[who]:.0%}" for who in ("foreign", "server", "generator"))
    text = f"{name} {unit}: {figures['per_second']:.0f}/s, {figures['cpu_ms']:.3f} ms CPU; core time: {busy}"
    return text if is_kept else f"{text}; thrown away"


if __name__ == "__main__":
    main()
