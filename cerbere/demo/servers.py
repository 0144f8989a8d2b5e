"""Cerbère, its background worker and PIAG as child processes of the demo: started, watched and stopped together."""

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

POLL_INTERVAL = 0.1  # seconds
START_TIMEOUT = 60.0  # seconds until both servers respond; a loaded machine takes about ten
STOP_TIMEOUT = 4.0  # seconds that the processes have to stop before they are killed
# Level "error", because granian warns of machines with few cores, which a demo may well run on.
GRANIAN = ("--workers=1", "--log-level=error", "--workers-kill-timeout=3")


class StopSignal:
    """A flag that SIGINT, SIGTERM or the closing of the terminal sets.

    It is not an exception: no step is interrupted half-way, and a second signal cannot interrupt the cleaning up.
    """

    is_set = False

    def listen(self) -> None:
        signal.signal(signal.SIGINT, self._set)
        signal.signal(signal.SIGTERM, self._set)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup has it ignored, and that must stay so
            signal.signal(signal.SIGHUP, self._set)

    def _set(self, _number: int, _frame: FrameType | None) -> None:
        self.is_set = True


@dataclass(frozen=True)
class Server:
    name: str
    port: int | None  # None for the worker, which listens on none
    process: subprocess.Popen[bytes]

    def is_healthy(self) -> bool:
        """Return whether /healthz responds with 200. The worker counts as healthy at once.

        The request goes to the port itself, even when the environment names a proxy.
        """
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
    """Raise SystemExit with one line if a port is taken on either IP address that « localhost » may resolve to."""
    for port in ports:
        for family, ip_address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            try:
                with socket.create_server((ip_address, port), family=family):
                    pass
            except OSError as error:
                if family == socket.AF_INET or error.errno == errno.EADDRINUSE:  # a machine may have no IPv6
                    reason = "est déjà pris" if error.errno == errno.EADDRINUSE else "ne peut pas être ouvert"
                    raise SystemExit(f"cerbere: le port {port} {reason} : make run PORT=… PIAG_PORT=…") from None


def start_server(name: str, application: str, port: int, environment: dict[str, str]) -> Server:
    command = ["-m", "cerbere.serve", application, f"--port={port}", *GRANIAN]
    return Server(name, port, _start_process(command, environment))


def start_worker(environment: dict[str, str]) -> Server:
    """Start the worker that sends e-mails (here to the terminal) and logout notices, so that no page waits for them."""
    command = ["manage.py", "db_worker", "--no-startup-delay", "--verbosity=0"]
    return Server("le travail de fond", None, _start_process(command, environment))


def _start_process(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start Python in a session of its own: Ctrl-C reaches this process only, which stops its children in order."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, *command], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True
    )


def watch_servers(servers: Sequence[Server], stop: StopSignal, on_ready: Callable[[], None]) -> str:
    """Call `on_ready` once all servers respond, then wait until `stop` is set or a server fails.

    Returns what went wrong, in French, or "" after a stop.
    """
    waiting, deadline = list(servers), time.monotonic() + START_TIMEOUT
    while not stop.is_set:
        for server in servers:
            if server.process.poll() is not None:
                return "" if stop.is_set else f"{server.name} s’est arrêté (statut {server.process.returncode})"
        if waiting:
            waiting = [server for server in waiting if not server.is_healthy()]
            if not waiting:
                on_ready()
            elif time.monotonic() > deadline:
                return f"{waiting[0].name} ne répond pas au bout de {START_TIMEOUT:.0f} secondes"
        time.sleep(POLL_INTERVAL)
    return ""


def stop_servers(servers: Iterable[Server]) -> None:
    """Terminate all servers, wait STOP_TIMEOUT for all of them together, and kill those that are left."""
    processes = [server.process for server in servers]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_TIMEOUT
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0, deadline - time.monotonic()))
        process.kill()
        process.wait()
