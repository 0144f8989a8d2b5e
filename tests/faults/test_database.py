"""A real granian on a PostgreSQL of its own that crashes, is silent and returns."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from tests.support.people import PASSWORD
from tests.support.servers.site import PATIENCE, Site

WORKERS = 2


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
