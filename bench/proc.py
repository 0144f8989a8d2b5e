"""What processes use, read from /proc: CPU seconds, memory, and the CPU of other processes on a core."""

import os
from collections.abc import Iterable
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PARENT, PROCESSOR = 1, 36  # fields of /proc/PID/stat behind the name
TIMES = slice(11, 15)  # utime, stime, and the same of ended children
OWN_TIMES = slice(11, 13)  # utime and stime
KIB = 1024


def read_stat(pid: str) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def find_tree(roots: Iterable[int]) -> set[int]:
    """Return these processes and all below them."""
    children: dict[int, list[int]] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if fields := read_stat(pid):
            children.setdefault(int(fields[PARENT]), []).append(int(pid))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting += children.get(process, [])
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """Sum what these trees have used so far, their ended children included."""
    stats = (read_stat(str(pid)) for pid in find_tree(roots))
    return sum(sum(map(int, fields[TIMES])) for fields in stats if fields) / TICK


def largest_mib(roots: Iterable[int]) -> float:
    """Return the resident memory of the largest process of these trees, shared pages counted whole."""
    return max(resident_kib(pid) for pid in find_tree(roots)) / KIB


def resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def other_processes(ours: Iterable[int]) -> dict[int, tuple[float, int]]:
    """Return the CPU seconds so far and the last core of each process outside these trees.

    The core's own times in /proc/stat are counted by ticks: beside a server that often waits for its next request
    they are wrong by a quarter.
    """
    own = find_tree(ours)
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        fields = read_stat(pid) if int(pid) not in own else None
        if fields:
            found[int(pid)] = (sum(map(int, fields[OWN_TIMES])) / TICK, int(fields[PROCESSOR]))
    return found


def seconds_on_core(core: int, before: dict[int, tuple[float, int]], after: dict[int, tuple[float, int]]) -> float:
    """Sum what the processes that are on this core now have used since; one that is new counts whole."""
    return sum(after[pid][0] - before.get(pid, (0, 0))[0] for pid in after if after[pid][1] == core)
