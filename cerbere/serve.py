"""Run one of the two programs under granian: `python -m cerbere.serve cerbere.wsgi [granian's options]`.

The program is loaded here first, so that an unsafe configuration is reported once and stops the start. Then granian
replaces this process, with its documented options; GRANIAN_… variables and options take precedence over DEFAULTS.
"""

import os
import sys
from importlib import import_module

DEFAULTS = {
    "GRANIAN_INTERFACE": "wsgi",
    "GRANIAN_HTTP": "1",
    "GRANIAN_WEBSOCKETS": "false",
    "GRANIAN_WORKERS": str(min(len(os.sched_getaffinity(0)), 4)),  # one for each core, at most four
    "GRANIAN_BACKPRESSURE": "256",  # connections of each worker, idle ones too; those beyond wait in the kernel's queue
    "GRANIAN_HTTP1_BUFFER_SIZE": "65536",  # bytes of a request's headers: a long state and claims fit
    "GRANIAN_HTTP1_HEADER_READ_TIMEOUT": "10000",  # milliseconds, also of an idle connection
    "GRANIAN_RESPAWN_FAILED_WORKERS": "true",
    "GRANIAN_WORKERS_KILL_TIMEOUT": "30",  # seconds
    "GRANIAN_LOG_LEVEL": "warning",
}


def main() -> None:
    program, *options = sys.argv[1:]
    threads = import_module(program).THREADS
    environment = DEFAULTS | {"GRANIAN_BLOCKING_THREADS": str(threads)} | dict(os.environ)
    command = [sys.executable, "-m", "granian", *options, f"{program}:application"]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell, and a fixed command


if __name__ == "__main__":
    main()
