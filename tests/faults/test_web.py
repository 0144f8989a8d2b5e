"""What the site answers while something that it needs is down, and afterwards."""

import html
import json
import re
import socket
import subprocess
import sys

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import RequestFactory

from accounts.models import Attempts
from cerbere import env
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.portal.errors import server_error
from tests.support.database import execute_elsewhere
from tests.support.paths import ROOT
from tests.support.people import answer, code, login_form
from tests.support.servers.programs import free_port
from tests.support.servers.site import PATIENCE, environment

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
    """Return the responses of a program whose database cannot be reached, and all that it logs."""
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
    """Return the URL to which the button leads."""
    return html.unescape(re.search(r'<a class="fr-btn" href="([^"]*)">', page)[1])


def silent(address, port=0):
    """Return a server that accepts connections and never answers, and its port."""
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


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_f04_a_standby_that_only_reads_is_a_503(browser, camille):
    page, name = browser.get("/connexion/"), connection.settings_dict["NAME"]
    try:
        execute_elsewhere(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        connection.close()
        given = browser.sign_in(page=page)
    finally:
        execute_elsewhere(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        connection.close()
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
