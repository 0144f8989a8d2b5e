"""Cerbère, its background worker and PIAG as child processes: started together, watched, ended together."""

import errno
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from types import FrameType

from cerbere.demo.environment import ROOT

POLL = 0.1  # seconds
READY = 60.0  # seconds for both to answer; a loaded machine takes some ten
GRACE = 4.0  # seconds to end by itself before it is killed
GRANIAN = ("--workers=1", "--log-level=error", "--workers-kill-timeout=3")  # it warns of small machines


class EndRequest:
    """Whether somebody has asked for the end, by SIGINT, SIGTERM or the closing of the terminal.

    A flag and not an exception: nothing is left half done, and a second signal cannot stop the cleaning up.
    """

    asked = False

    def listen(self) -> None:
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(signal.SIGHUP, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


@dataclass(frozen=True)
class Server:
    """`port` is None for the worker, which answers nobody."""

    name: str
    port: int | None
    process: subprocess.Popen[bytes]

    def answers(self) -> bool:
        """Whether /healthz says that it works; asked directly, whatever proxy the environment names."""
        if self.port is None:
            return True
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz", headers={"Host": f"localhost:{self.port}"})
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def refuse_taken_ports(*ports: int) -> None:
    """SystemExit with one line when one of them is taken, on either address that « localhost » may be."""
    for port in ports:
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            try:
                with socket.create_server((address, port), family=family):
                    pass
            except OSError as error:
                if family == socket.AF_INET or error.errno == errno.EADDRINUSE:  # machines without IPv6 exist
                    reason = "est déjà pris" if error.errno == errno.EADDRINUSE else "ne peut pas être ouvert"
                    raise SystemExit(f"cerbere: le port {port} {reason} : make run PORT=… PIAG_PORT=…") from None


def start(name: str, application: str, port: int, environment: dict[str, str]) -> Server:
    command = ["-m", "cerbere.serve", application, f"--port={port}", *GRANIAN]
    return Server(name, port, _child(command, environment))


def start_worker(environment: dict[str, str]) -> Server:
    """What sends mails, here to the terminal, and the applications their logout notices: no agent waits for either."""
    command = ["manage.py", "db_worker", "--no-startup-delay", "--verbosity=0"]
    return Server("le travail de fond", None, _child(command, environment))


def _child(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C comes to us alone, and the child gets one signal, not three at once."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, *command], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True
    )


def watch(servers: Sequence[Server], end: EndRequest, welcome: Callable[[], None]) -> str:
    """Call `welcome` once all answer, then wait. Returns what went wrong, or "" when the end was asked for."""
    silent, deadline = list(servers), time.monotonic() + READY
    while not end.asked:
        for server in servers:
            if server.process.poll() is not None:
                return "" if end.asked else f"{server.name} s’est arrêté (statut {server.process.returncode})"
        if silent:
            silent = [server for server in silent if not server.answers()]
            if not silent:
                welcome()
            elif time.monotonic() > deadline:
                return f"{silent[0].name} ne répond pas au bout de {READY:.0f} secondes"
        time.sleep(POLL)
    return ""


def end_all(servers: Iterable[Server]) -> None:
    """Ask all to end, wait GRACE for all together, kill what is left."""
    processes = [server.process for server in servers]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0, deadline - time.monotonic()))
        process.kill()
        process.wait()
