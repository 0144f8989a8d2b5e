"""The demo's two servers: watched, ended, and their faults told; the QR code on a terminal."""

import signal
import socket
import subprocess
import sys

import pytest

from cerbere.demo import servers
from cerbere.demo.environment import Demo
from cerbere.demo.help_text import print_welcome
from cerbere.demo.servers import Server, StopSignal, refuse_taken_ports, stop_servers, watch_servers
from tests.support.commands import Terminal
from tests.support.servers.programs import free_port


def test_the_qr_code_has_colours_of_its_own_on_a_terminal(tmp_path):
    out = Terminal()
    print_welcome(
        Demo(tmp_path, 8000, 8001), "mot de passe", "otpauth://totp/Bnum:agent.bnum?secret=A&issuer=Bnum", out
    )
    assert "\x1b[48;5;232m\x1b[38;5;255m" in out.getvalue()


@pytest.fixture
def stand_in():
    """Yield a function that starts a child process in the place of a server."""
    children = []

    def make(code):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        children.append(child)
        return Server("PIAG", free_port(), child)

    yield make
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_server_that_dies_is_a_fault(stand_in):
    lively, dead = stand_in("import time; time.sleep(60)"), stand_in("raise SystemExit(3)")
    assert watch_servers([lively, dead], StopSignal(), on_ready=pytest.fail) == "PIAG s’est arrêté (statut 3)"


def test_a_server_that_never_answers_is_a_fault(stand_in, monkeypatch):
    monkeypatch.setattr(servers, "START_TIMEOUT", 0)
    silent = stand_in("import time; time.sleep(60)")
    assert watch_servers([silent], StopSignal(), on_ready=pytest.fail).startswith("PIAG ne répond pas")


def test_a_server_that_does_not_end_is_killed(stand_in, monkeypatch):
    monkeypatch.setattr(servers, "STOP_TIMEOUT", 0.1)
    deaf = stand_in(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    )
    deaf.process.stdout.readline()
    stop_servers([deaf])
    assert deaf.process.returncode == -signal.SIGKILL


def test_a_port_that_may_not_be_opened(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(SystemExit, match="le port 80 ne peut pas être ouvert"):
        refuse_taken_ports(80)
