"""What every program that the tests start needs: its file, a free port, a clean environment, an end."""

import os
import shutil
import signal
import socket
import subprocess


class UnavailableError(Exception):
    """A program is not installed or does not start; the text says which, and what to do."""


def find_program(name: str, package: str = "") -> str:
    """Return its path, also where Debian puts what only root starts; fail without it, for tests must not pass idly."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise UnavailableError(f"{name} is missing: install {package or name}, or run make test, which does")
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """Return our environment without the settings of the programs and of the server that runs them."""
    ours = ("CERBERE_", "PIAG_", "DJANGO_", "GRANIAN_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the program to end, and kill it when it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
