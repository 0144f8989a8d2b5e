"""Runs one of the two programs under granian: `python -m cerbere.serve cerbere.wsgi [granian's options]`.

The program, whose THREADS says how many a worker has, is loaded here, and the workers are forked from this process: an
unsafe configuration is told once and ends the start, and a worker that died is replaced at once. Connections and
parsed keys come with the first request, so each worker makes its own.
"""

import ctypes
import mmap
import multiprocessing
import os
import signal
import sys
from functools import partial
from importlib import import_module

from granian.cli import cli

C_LIBRARY = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of glibc's <malloc.h>
KEPT = 256 * 1024 * 1024  # bytes at most, of what was freed
IN_LARGE_PAGES = KEPT // 2  # bytes: what an application and a hash need
MADV_HUGEPAGE = 14  # of <sys/mman.h>

# GRANIAN_… variables and options of the command line go before these.
USUAL = {
    "interface": "wsgi",
    "http": "1",
    "websockets": False,
    "workers": min(len(os.sched_getaffinity(0)), 4),  # one for each core: two would only take turns on it
    "backpressure": 256,  # connections of each worker, idle ones too; those beyond wait in the kernel's queue
    "http1_buffer_size": 65536,  # bytes of a request's head: an authorization request may carry a long state and claims
    "http1_header_read_timeout": 10_000,  # milliseconds, also of an idle connection
    "respawn_failed_workers": True,
    "workers_kill_timeout": "30",  # seconds
    "log_level": "warning",
}


def end_with(master: int) -> None:
    """In a new worker, which would ignore SIGTERM until granian listens to it, and serve on without its master.

    SIGKILL, because granian may lose a SIGTERM that comes at the very moment of a worker's start.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    C_LIBRARY.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != master:  # it died before that
        os.kill(os.getpid(), signal.SIGKILL)


def keep_memory() -> None:
    """Have glibc keep the 46 MiB of a password's hash for the next one: the kernel takes as long to hand them out anew.

    In one place for all threads. Other C libraries than glibc go on as they are.
    """
    if hasattr(C_LIBRARY, "mallopt"):
        for parameter, value in (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, KEPT), (M_ARENA_MAX, 1):
            C_LIBRARY.mallopt(parameter, value)
        _ask_for_large_pages()


def _ask_for_large_pages() -> None:
    """Of the memory that is given out next: a hash jumps about in it, and small pages are looked up at each jump."""
    C_LIBRARY.malloc.restype, size = ctypes.c_void_p, ctypes.c_size_t(IN_LARGE_PAGES)
    if start := C_LIBRARY.malloc(size):
        page = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        C_LIBRARY.madvise(ctypes.c_void_p(page), ctypes.c_size_t(start + IN_LARGE_PAGES - page), MADV_HUGEPAGE)
        C_LIBRARY.free(ctypes.c_void_p(start))  # and kept


def main() -> None:
    keep_memory()
    program, *options = sys.argv[1:]
    usual = USUAL | {"blocking_threads": import_module(program).THREADS}
    multiprocessing.set_start_method("fork")  # from 3.14 on Python's own way leaves workers nothing of this process
    os.register_at_fork(after_in_child=partial(end_with, os.getpid()))
    cli([*options, f"{program}:application"], prog_name="granian", auto_envvar_prefix="GRANIAN", default_map=usual)


if __name__ == "__main__":
    main()
