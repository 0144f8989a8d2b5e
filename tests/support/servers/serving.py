"""A program under the server that runs in production, spoken to byte by byte."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.servers.programs import clean_environment, free_port

PATIENCE = 20  # seconds


class Served:
    def __init__(self, program, log, *options, **environment):
        self.port = free_port()
        words = [sys.executable, "-m", "cerbere.serve", program, f"--port={self.port}", *options]
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                words, env=clean_environment() | environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
            )
        self.wait_until(lambda: self.process.poll() is not None or self.is_open())

    def wait_until(self, true):
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end
            time.sleep(0.005)

    def is_open(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def workers(self):
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def kill(self, *pids):
        """Kill these processes, except those that have ended meanwhile."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def send_raw(self, *lines, body=b""):
        """Return a connection on which these header lines and this body were sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        head = (*lines, "") if lines else ()
        connection.sendall(b"".join(line.encode("latin-1") + b"\r\n" for line in head) + body)
        return connection

    def raw(self, *lines, body=b""):
        """Send these lines, and return all that comes back until the server closes."""
        with self.send_raw(*lines, body=body) as connection:
            return read_all(connection)

    def get_echo(self, line, *headers, body=b""):
        """Return the request as the echo received it."""
        given = self.raw(f"{line} HTTP/1.1", "Host: here", "Connection: close", *headers, body=body)
        assert given.startswith("HTTP/1.1 200 OK\r\n")
        return json.loads(given.partition("\r\n\r\n")[2])


def read_all(connection):
    try:
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")
    except ConnectionResetError:  # closed with something of ours unread
        return ""


def is_gone(pid):
    """Tell whether the process has ended, also while it is a zombie."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


@contextmanager
def running_server(program, place, *options, **environment):
    server = Served(program, place / "log", *options, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill(*server.workers, server.process.pid)
        server.process.wait()
