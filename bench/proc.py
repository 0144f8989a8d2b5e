"""What processes have cost, from /proc: CPU seconds, memory, and what else ran on a core."""

import os
from collections.abc import Iterable
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PARENT, PROCESSOR = 1, 36  # fields of /proc/PID/stat behind the name
TIMES = slice(11, 15)  # utime, stime, and the same of ended children
KIB = 1024


def _stat(pid: str) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def tree(roots: Iterable[int]) -> set[int]:
    """These processes and all below them."""
    children: dict[int, list[int]] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if fields := _stat(pid):
            children.setdefault(int(fields[PARENT]), []).append(int(pid))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """Used so far by these trees, their ended children included."""
    stats = (_stat(str(pid)) for pid in tree(roots))
    return sum(sum(map(int, fields[TIMES])) for fields in stats if fields) / TICK


def memory_mib(roots: Iterable[int]) -> float:
    """Proportional set size: a page that several processes share counts once."""
    return sum(_pss(pid) for pid in tree(roots)) / KIB


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def others(ours: Iterable[int]) -> dict[int, tuple[float, int]]:
    """CPU seconds so far, and the core last seen on, of each process that is not ours.

    The core's own clock in /proc/stat would be shorter to read, but it counts by ticks: beside a server that
    often waits for its next request it is wrong by a quarter.
    """
    mine = tree(ours)
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        fields = _stat(pid) if int(pid) not in mine else None
        if fields:
            found[int(pid)] = (sum(map(int, fields[TIMES])) / TICK, int(fields[PROCESSOR]))
    return found


def spent_on(core: int, before: dict[int, tuple[float, int]], now: dict[int, tuple[float, int]]) -> float:
    """By the processes that are on this core now; one that came since counts whole."""
    return sum(now[pid][0] - before.get(pid, (0, 0))[0] for pid in now if now[pid][1] == core)
