"""The private PostgreSQL that the suite starts for itself."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from tests.support.paths import ROOT
from tests.support.servers import postgresql

pytestmark = pytest.mark.postgresql
TELL_AND_WAIT = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print(os.environ["CERBERE_DATABASE_URL"], flush=True)
signal.sigwait({signal.SIGINT})
raise SystemExit(7)
"""


def with_postgresql(*command: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "tests.support.servers.postgresql", *command]
    return subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def refuses(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError:
        return True
    return False


@pytest.fixture
def server():
    server = postgresql.start()
    yield server
    server.stop()


def test_serves_until_it_is_stopped(server):
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT lower('É')").fetchone() == ("é",)
    server.stop()
    assert refuses(server.url)
    assert not server.directory.exists()


def test_asks_for_its_password(server):
    assert refuses(server.url.replace(server.password, "cerbere"))


def test_gives_the_command_its_address_and_ends_with_its_status():
    script = "import os; print(os.environ['CERBERE_DATABASE_URL']); raise SystemExit(3)"
    process = with_postgresql("--", sys.executable, "-c", script)
    url = process.communicate()[0].strip()
    assert process.returncode == 3
    assert url.startswith("postgresql://cerbere:")
    assert refuses(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_interrupts_the_command_then_stops_when_asked_to_end(number):
    process = with_postgresql("--", sys.executable, "-c", TELL_AND_WAIT)
    url = process.stdout.readline().strip()
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 7
    assert refuses(url)


def test_tells_when_the_command_does_not_exist():
    process = with_postgresql("--", "/no/such/command")
    assert "/no/such/command" in process.communicate()[1]
    assert process.returncode == 1


def test_tells_how_to_call_it():
    process = with_postgresql("true")
    assert "usage: " in process.communicate()[1]
    assert process.returncode == 2


def test_tells_what_to_install_when_the_programs_are_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(postgresql.UnavailableError, match="apt-get install postgresql"):
        postgresql.find_binaries(tmp_path)


def test_takes_the_newest_of_several_versions(tmp_path):
    for version in ("9", "15", "16"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    assert postgresql.find_binaries(tmp_path) == tmp_path / "16" / "bin"


def test_leaves_nothing_behind_when_it_cannot_start(monkeypatch):
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)  # PostgreSQL's account must be able to enter
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr(postgresql, "MAX_CONNECTIONS", -1)
    with pytest.raises(postgresql.UnavailableError, match="does not start"):
        postgresql.start()
    place.rmdir()  # refused unless empty
