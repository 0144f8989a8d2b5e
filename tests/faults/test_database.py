"""A real granian on a PostgreSQL of its own that crashes, is silent and returns."""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from tests.faults.test_web import PATIENCE, environment
from tests.support.paths import ROOT
from tests.support.people import PASSWORD
from tests.support.servers import postgresql
from tests.support.servers.programs import free_port

WORKERS = 2


class Site:
    """A real granian on a PostgreSQL of its own, that can be stopped and started again."""

    def __init__(self, *options, **more):
        """`options` are granian's, `more` are settings, in which {database} stands for the database's URL."""
        self.database = postgresql.start()
        self.pg_ctl("stop", "-m", "fast")
        self.start_database()  # without the suite's options for speed: what is confirmed must survive a crash
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = environment(
            self.database.url, CERBERE_PUBLIC_URL=self.url, DJANGO_SETTINGS_MODULE="cerbere.settings",
            **{name: value.format(database=self.database.url) for name, value in more.items()},
        )  # fmt: skip
        self.manage("migrate", "--verbosity=0")
        self.manage(
            "shell",
            "-v0",
            "-c",
            f"from tests.support.people import make_agent; make_agent('camille.durand', {PASSWORD!r})",
        )
        self.options = [f"--port={self.port}", *options]
        self.start()

    def start(self):
        command = [sys.executable, "-m", "cerbere.serve", "cerbere.wsgi", *self.options]
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=null, stderr=null)
        self.wait_for("/readyz", 200)

    def manage(self, *words):
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=self.env, check=True, capture_output=True)

    def wait_for(self, address, status):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if requests.get(self.url + address, timeout=PATIENCE).status_code == status:
                    return
            except requests.ConnectionError:
                pass
        raise AssertionError(f"{address} never answered {status}")

    def pg_ctl(self, *words):
        postgresql._run(self.database.binaries / "pg_ctl", *words, "-D", self.database.directory / "data")

    def crash_database(self):
        self.pg_ctl("stop", "-m", "immediate")

    def start_database(self):
        options = f"-h 127.0.0.1 -p {self.database.port} -k {self.database.directory}"
        self.pg_ctl("start", "-w", "-l", self.database.directory / "log", "-o", options)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.database.stop()


@pytest.fixture(scope="module")
def site():
    site = Site("--blocking-threads-idle-timeout=5", f"--workers={WORKERS}")
    yield site
    site.stop()


def sign_in(site, session=None):
    session = session or requests.Session()
    page = session.get(f"{site.url}/connexion/", timeout=PATIENCE).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    fields = {"username": "camille.durand", "password": PASSWORD, "csrfmiddlewaretoken": token}
    start = time.monotonic()
    given = session.post(f"{site.url}/connexion/", fields, allow_redirects=False, timeout=30)
    assert time.monotonic() - start < PATIENCE
    return session, given


def counted(site):
    with psycopg.connect(site.database.url) as database:
        return database.execute("SELECT COALESCE(SUM(failures), 0) FROM accounts_attempts").fetchone()[0]


@pytest.mark.postgresql
def test_f03_a_database_that_crashes_and_returns_is_forgotten_by_itself(site):
    session, given = sign_in(site)
    assert given.status_code == 303
    site.crash_database()
    assert sign_in(site)[1].status_code == 503
    down = session.get(f"{site.url}/compte/", allow_redirects=False, timeout=30)
    assert (down.status_code, down.headers["Retry-After"]) == (503, "30")
    assert session.cookies
    site.start_database()
    assert session.get(f"{site.url}/compte/", allow_redirects=False, timeout=30).status_code == 200
    assert sign_in(site)[1].status_code == 303
    assert counted(site) == 0


def connected(site):
    with psycopg.connect(site.database.url) as database:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return database.execute(others).fetchone()[0]


@pytest.mark.postgresql
def test_connections_are_as_many_as_threads_and_end_with_them(site):
    """Not when the garbage collector comes by: whoever is asked in bursts would hold more and more of them."""
    with ThreadPoolExecutor() as pool, psycopg.connect(site.database.url) as blocker:
        blocker.execute("LOCK TABLE accounts_agentsession")
        asked = [pool.submit(sign_in, site) for _ in range(4)]
        while connected(site) < 5:  # the lock's own among them
            assert not any(each.done() for each in asked)
    assert [each.result()[1].status_code for each in asked] == [303] * 4
    end = time.monotonic() + PATIENCE * 4
    while connected(site) > WORKERS:  # of which each keeps a thread
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.postgresql
def test_f04_a_database_that_does_not_answer_is_a_503_and_counts_nothing(site):
    with psycopg.connect(site.database.url) as blocker:
        blocker.execute("LOCK TABLE accounts_attempts")
        assert sign_in(site)[1].status_code == 503
    assert sign_in(site)[1].status_code == 303
    assert counted(site) == 0


@pytest.mark.postgresql
def test_f04_a_right_password_does_not_count_when_its_session_cannot_be_written(site):
    with psycopg.connect(site.database.url) as blocker:
        blocker.execute("LOCK TABLE accounts_agentsession")
        assert sign_in(site)[1].status_code == 503
    assert counted(site) == 0


@pytest.mark.postgresql
def test_h04_the_server_does_not_say_its_version(site):
    given = requests.get(site.url, timeout=PATIENCE)
    assert given.headers.get("Server") == "granian"
    assert "X-Powered-By" not in given.headers
