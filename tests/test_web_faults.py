"""What the site answers while something that it needs is down, and afterwards."""

import html
import json
import os
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import RequestFactory

from accounts.models import Attempts
from cerbere import env
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.portal.errors import server_error
from tests import postgresql
from tests.people import PASSWORD, answer, code, login_form

ROOT = Path(__file__).parent.parent
WORKERS = 2
PATIENCE = 5  # seconds: the longest answer of a fault


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(database, **more):
    """Cerbère's, as an operator would give it: the suite's keys, this database."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("CERBERE_") or name == "PATH"}
    return {**kept, "CERBERE_DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "cerbere.settings", **more}


ASK_ALL_AT_ONCE = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from webtest import TestApp
from cerbere.wsgi import application

def ask(case):
    method, address = case
    browser = TestApp(application, extra_environ={"HTTP_HOST": "localhost:8000", "REMOTE_ADDR": "192.0.2.1"})
    fields = {}
    if method == "post":
        form = next(f for f in browser.get("/connexion/").forms.values() if "password" in f.fields)
        fields = {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"].value, "username": "a", "password": "b"}
    if not address.startswith("/connexion/"):
        browser.set_cookie("cerbere_session", "a" * 32)
    start = time.monotonic()
    given = getattr(browser, method)(address, fields, status="*")
    return [given.status_int, given.headers.get("Retry-After"), given.text, time.monotonic() - start]

with ThreadPoolExecutor() as pool:
    print(json.dumps(list(pool.map(ask, json.loads(sys.argv[1])))))
"""


def without_database(*cases):
    """What each is answered by a program whose database nobody can reach, and all that it logs."""
    return with_database(f"127.0.0.1:{free_port()}", *cases)


def with_database(host, *cases):
    database = f"postgresql://cerbere:canary@{host}/cerbere"
    program = [sys.executable, "-c", ASK_ALL_AT_ONCE, json.dumps(cases)]
    done = subprocess.run(program, cwd=ROOT, env=environment(database), capture_output=True, text=True, check=True)
    return json.loads(done.stdout), done.stderr


def test_f03_without_its_database_every_page_that_needs_it_is_a_503_in_time():
    cases = [("get", "/healthz"), ("get", "/readyz"), ("get", "/compte/"), ("post", "/connexion/"), ("get", "/aide/")]
    (healthz, readyz, account, login, _aide), logged = without_database(*cases)
    assert healthz[:3] == [200, None, "ok\n"]
    for status, retry_after, page, seconds in (readyz, account, login):
        assert status == 503
        assert retry_after == "30"
        assert "<h1>Service momentanément indisponible</h1>" in page
        assert "Aucun essai de connexion n’a été compté" in page
        assert re.search(r"Référence : <strong>[0-9A-F]{4}-[0-9A-F]{4}", page)
        assert seconds < PATIENCE
    assert all(json.loads(line)["event"] for line in logged.splitlines())
    assert "canary" not in logged


def first_exit(page):
    """Where the button leads."""
    return html.unescape(re.search(r'<a class="fr-btn" href="([^"]*)">', page)[1])


def silent(address, port=0):
    """It is connected to, and says nothing."""
    listener = socket.create_server((address, port), backlog=50)
    return listener, listener.getsockname()[1]


@pytest.mark.postgresql
def test_f04_a_database_of_two_addresses_that_say_nothing_is_a_503_in_time():
    """As a name that stands for an IPv4 and an IPv6 address."""
    one, port = silent("127.0.0.1")
    other, _port = silent("127.0.0.2", port)
    with one, other:
        answers, _log = with_database(f"127.0.0.1,127.0.0.2:{port}", ("get", "/readyz"), ("post", "/connexion/"))
    for status, _retry_after, _page, seconds in answers:
        assert (status, seconds < PATIENCE) == (503, True)


@pytest.mark.postgresql
def test_f03_what_waits_is_still_waiting_on_the_page_of_the_503():
    waiting = "next=%2Foidc%2Fcontinuer%2F6f1c2c0e-1d2f-4a57-8d93-000000000000%2F"
    kept = [("post", f"/connexion/?{waiting}"), ("post", f"/verification/?{waiting}"), ("get", "/compte/?a=%22%3E&b=é")]
    forms_only = [
        ("post", "/compte/sessions/6f1c2c0e-1d2f-4a57-8d93-000000000000/terminer/"),
        ("post", "/admin/accounts/agent/importer/appliquer/"),
        ("post", "/admin/logout/"),
    ]
    answers, _logged = without_database(*kept, *forms_only)
    assert [(status, first_exit(page)) for status, _, page, _ in answers] == [
        (503, f"/connexion/?{waiting}"),
        (503, f"/verification/?{waiting}"),
        (503, "/compte/?a=%22%3E&b=%C3%A9"),
        (503, "/compte/"),
        (503, "/admin/accounts/agent/importer/"),
        (503, "/admin/"),
    ]


def test_f03_the_page_of_the_503_leads_nowhere_else():
    try:
        raise OperationalError
    except OperationalError:
        answer = server_error(RequestFactory().get("/", PATH_INFO="//evil.test/"))
    assert (answer.status_code, first_exit(answer.text)) == (503, "/")


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
            "shell", "-v0", "-c", f"from tests.people import make_agent; make_agent('camille.durand', {PASSWORD!r})"
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


@pytest.mark.postgresql
@pytest.mark.django_db
def test_f04_a_standby_that_only_reads_is_a_503(browser, camille):
    page = browser.get("/connexion/")
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    given = browser.sign_in(page=page)
    assert (given.status_int, given.headers["Retry-After"]) == (503, "30")


@pytest.mark.django_db
def test_f05_a_cache_that_is_down_changes_nothing(browser, camille, piag, settings, monkeypatch):
    monkeypatch.setenv("DEAD_CACHE", f"redis://127.0.0.1:{free_port()}/0")
    settings.CACHES = {"default": env.cache("DEAD_CACHE")}
    with pytest.raises(Exception, match="refused"):
        cache.get("anything")
    browser.follow_inside(browser.sign_in(page=browser.follow_inside(browser.authorize())))
    typed = code()
    assert browser.send_code("/compte/deux-facteurs/otp-mel/", typed).status_int == 303
    assert "code" in answer(browser.authorize())
    assert browser.send_code("/compte/deux-facteurs/otp-mel/retirer/", typed).status_int == 200
    assert AuditEvent.objects.filter(name=Event.SECOND_FACTOR_REFUSED, detail__reason="already_used").exists()


@pytest.mark.django_db
def test_f05_losing_the_cache_forgets_no_failure_and_no_session(browser, camille):
    browser.sign_in()
    stranger = type(browser)("203.0.113.5")
    for _ in range(7):
        stranger.sign_in(password="wrong")
        cache.clear()
    assert stranger.sign_in().status_int == 429
    assert browser.get("/compte/").status_int == 200
    assert Attempts.objects.get(key=f"account:{camille.uuid}").failures == 7


@pytest.mark.django_db
def test_healthz_and_readyz(browser, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert browser.get("/healthz").text == "ok\n"
    with django_assert_num_queries(1):
        assert browser.get("/readyz").text == "ok\n"


@pytest.mark.django_db
def test_metrics_count_answers_and_name_nobody(browser, camille):
    browser.sign_in()
    browser.sign_in("somebody.unknown", "wrong")
    browser.get("/compte/")
    browser.get("/an-address-of-a-scanner", status=404)
    given = browser.get("/metrics")
    assert given.content_type == "text/plain"
    assert re.search(r'cerbere_answer_seconds_count\{status="200",view="account"\} \d', given.text)
    assert 'status="404",view="none"' in given.text
    for private in (
        "camille",
        "durand",
        "somebody",
        "192.0.2.10",
        "scanner",
        login_form(browser.get("/connexion/"))["csrfmiddlewaretoken"].value,
    ):
        assert private not in given.text
