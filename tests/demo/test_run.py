"""`make run`'s demo: two real starts in one directory, on real servers."""

import base64
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from tests.support.paths import ROOT
from tests.support.servers.programs import free_port
from twofactor.codes import compute_code, get_step

STARTED = 60  # seconds at most, on a loaded machine
ENDED = 20
SECRETS = [
    "cerbere_secret_key", "cerbere_seed_keys", "cerbere_signing_keys", "password", "piag_client_secret",
    "piag_secret_key",
]  # fmt: skip


def is_free(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def command(place, *arguments, **more):
    """Run the demo's command line in the suite's environment, whose CERBERE_… variables must not matter."""
    environment = os.environ | place.environment | more
    words = [sys.executable, "-m", "cerbere.demo", *arguments]
    return subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=ENDED)


def start(place, log):
    """Start the demo and wait for its help; returns the process and what it printed."""
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "cerbere.demo", "run"],
            env=os.environ | place.environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    deadline = time.monotonic() + STARTED
    while "Ctrl-C" not in log.read_text() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process, log.read_text()


def contents(directory):
    return {name: (directory / name).read_bytes() for name in SECRETS}


def bnum_secret(directory, uid):
    with closing(sqlite3.connect(directory / "bnum.sqlite3")) as database:
        return database.execute("SELECT secret FROM dynalogin_user WHERE userid = ?", [uid]).fetchone()[0]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a place for the demo: a directory that does not exist yet, and two free ports."""
    directory, port, piag_port = tmp_path_factory.mktemp("demo") / "data", free_port(), free_port()
    environment = {"DEMO_DIR": str(directory), "PORT": str(port), "PIAG_PORT": str(piag_port), "DEMO_PASSWORD": ""}
    return SimpleNamespace(directory=directory, port=port, piag_port=piag_port, environment=environment)


@pytest.fixture(scope="module")
def first(place):
    """Start the demo, end it by SIGTERM, and return the results."""
    process, output = start(place, place.directory.parent / "first.log")
    answers = [get(port, "/healthz").status for port in (place.port, place.piag_port)]
    process.send_signal(signal.SIGTERM)
    status = process.wait(ENDED)
    ports_free = is_free(place.port) and is_free(place.piag_port)
    return SimpleNamespace(
        output=output, answers=answers, status=status, ports_free=ports_free, contents=contents(place.directory)
    )


@pytest.fixture(scope="module")
def second(place, first):
    """Start the demo a second time for the tests of this file, and yield its output."""
    process, output = start(place, place.directory.parent / "second.log")
    yield output
    process.send_signal(signal.SIGINT)
    assert process.wait(ENDED) == 0


def get(port, path):
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    with closing(connection):
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        response = connection.getresponse()
        response.body = response.read().decode()
        return response


def test_help_says_all_that_is_needed(place, first):
    password = first.contents["password"].decode()
    lines = [
        f"http://localhost:{place.port}", f"http://localhost:{place.piag_port}", password, str(place.directory),
        f"make demo-code LOGIN=agent.bnum DEMO_DIR={place.directory}", "Ctrl-C",
        "agent.bnum ", "agent.sansbnum ", "agent.enrole ", "admin ",
    ]  # fmt: skip
    assert [line for line in lines if line not in first.output] == []
    assert len(password) >= 12


def test_help_holds_the_phone_entry(place, first):
    address = re.search(r"otpauth://totp/Bnum:agent\.bnum\?\S+", first.output)[0]
    values = parse_qs(urlsplit(address).query)
    assert base64.b32decode(values["secret"][0]).decode() == bnum_secret(place.directory, "agent.bnum")
    assert values["issuer"] == ["Bnum"]


def test_both_answer(first):
    assert first.answers == [200, 200]


def test_sigterm_ends_both(first):
    assert (first.status, first.ports_free) == (0, True)


def test_nothing_in_the_directory_is_open_to_others(place, first):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.directory.iterdir()}
    assert stat.S_IMODE(place.directory.stat().st_mode) == 0o700
    assert {"cerbere.sqlite3", "piag.sqlite3", "bnum.sqlite3", *SECRETS} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_second_start_keeps_keys_and_password(place, first, second):
    assert contents(place.directory) == first.contents
    assert first.contents["password"].decode() in second


def test_second_start_keeps_the_phone_entry(first, second):
    entry = re.compile(r"otpauth://\S+")
    assert entry.search(second)[0] == entry.search(first.output)[0]


def test_piag_sends_its_agents_to_a_portal_that_knows_it(place, second):
    """The page asks for the sign-in; Cerbère would answer 400 to an unknown client or address."""
    departure = get(place.piag_port, "/assistant/")
    target = urlsplit(departure.getheader("Location"))
    assert target.netloc == f"localhost:{place.port}"
    login = get(place.port, f"{target.path}?{target.query}")
    assert login.status == 303
    assert urlsplit(login.getheader("Location")).path == "/connexion/"


def test_demo_code_prints_the_phones_code_and_nothing_else(place, second):
    seed = bnum_secret(place.directory, "agent.bnum").encode()
    before = get_step(timezone.now())
    result = command(place, "manage", "demo_code", "agent.bnum")
    steps = range(before, get_step(timezone.now()) + 1)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout in [f"{compute_code(seed, step)}\n" for step in steps]


def test_demo_code_of_an_unknown_login_is_one_line(place, second):
    result = command(place, "manage", "demo_code", "personne")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "CommandError: identifiant inconnu : personne\n"


def outside_the_demo(**more):
    """Run `manage.py demo_code` with the suite's settings instead of the demo's."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "cerbere.settings"} | more
    words = [sys.executable, "manage.py", "demo_code", "agent.bnum"]
    return subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=ENDED)


def test_demo_code_does_not_exist_outside_the_demo():
    result = outside_the_demo()
    assert (result.returncode, result.stdout) == (1, "")
    assert "Unknown command: 'demo_code'" in result.stderr


def test_a_real_portal_does_not_start_as_a_demo():
    result = outside_the_demo(CERBERE_DEMO="1", CERBERE_PUBLIC_URL="https://cerbere.example.fr")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "cerbere: CERBERE_DEMO: is only for a portal on this machine (CERBERE_PUBLIC_URL)\n"


def test_a_taken_port_is_one_line_before_anything_is_made(place, second, tmp_path):
    result = command(place, "run", DEMO_DIR=str(tmp_path / "other"))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"cerbere: le port {place.port} est déjà pris : make run PORT=… PIAG_PORT=…\n"
    assert not (tmp_path / "other").exists()


def test_one_demo_at_a_time_in_a_directory(place, second):
    result = command(place, "run", PORT=str(free_port()), PIAG_PORT=str(free_port()))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"cerbere: une démonstration tourne déjà dans {place.directory}\n"


def test_manage_before_the_first_start_is_one_line(place, tmp_path):
    result = command(place, "manage", "check", DEMO_DIR=str(tmp_path / "never"))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("cerbere: la démonstration n’a jamais été démarrée")
    assert result.stderr.count("\n") == 1
