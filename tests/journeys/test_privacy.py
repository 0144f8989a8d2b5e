"""Canaries: secrets that go through the whole journey, and must be found nowhere afterwards."""

import io
import logging
import re

import pytest
from django.core import mail
from django.db import connection
from django_tasks_db.models import DBTaskResult

from accounts.models import AgentSession
from tests.support.people import CLIENT_SECRET, VERIFIER, Browser, answer, code, make_agent, put_on_bnum, wrong_code
from tests.support.worker import run_worker

PASSWORD = "canari mot de passe 7391"
WRONG = "canari faux 5520"
NEW = "canari nouveau 8842 moulin"
SEED = "CANARYCANARYCANARY42"
BASE32 = "INAU4QKSLFBUCTSBKJMUGQKOIFJFSNBS"


@pytest.fixture
def logs():
    """Yield all that the program's handler writes at DEBUG, Django's SQL included."""
    handler = logging.getLogger().handlers[0]
    before = handler.setStream(io.StringIO())
    yield handler.stream.getvalue
    handler.setStream(before)


@pytest.fixture
def logged_at_debug(logs):
    assert logging.getLogger().level == logging.DEBUG
    return logs


def crash_of(browser, address, fields):
    """Send a form whose handling fails in the middle, because a table is gone."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent RENAME TO hidden")
    try:
        form = next(f for f in browser.get(address).forms.values() if set(fields) <= set(f.fields))
        for name, value in fields.items():
            form[name] = value
        assert form.submit(status="*").status_int in (500, 503)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO audit_auditevent")


def journey():
    """Use every secret rightly, wrongly and in a request that crashes; return the secrets made on the way."""
    make_agent("canari.jaune", PASSWORD)
    put_on_bnum("canari.jaune", SEED)
    browser = Browser()
    browser.sign_in("canari.jaune", WRONG)
    browser.sign_in(WRONG, PASSWORD)
    crash_of(browser, "/connexion/", {"username": "canari.jaune", "password": PASSWORD})
    browser.sign_in("canari.jaune", PASSWORD)
    bad, good = wrong_code(SEED.encode().decode()), code(SEED)
    browser.send_code("/compte/deux-facteurs/otp-mel/", bad)
    crash_of(browser, "/compte/deux-facteurs/otp-mel/", {"code": good})
    browser.send_code("/compte/deux-facteurs/otp-mel/", good)
    given = answer(browser.follow_inside(browser.authorize()))["code"]
    browser.token(given, client_secret="canari-secret-faux")
    tokens = browser.token(given).json
    browser.token(given)
    browser.get("/oidc/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}, status="*")
    fields = {"current_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    crash_of(browser, "/compte/mot-de-passe/", fields)
    form = next(f for f in browser.get("/compte/mot-de-passe/").forms.values() if "current_password" in f.fields)
    for name, value in fields.items():
        form[name] = value
    form.submit()
    seed_free = {"password": PASSWORD, "wrong": WRONG, "new": NEW, "seed": SEED, "base32": BASE32, "verifier": VERIFIER}
    made = {"code": given, "access": tokens["access_token"], "id": tokens["id_token"], "client": CLIENT_SECRET}
    made["session"] = browser.cookies["cerbere_session"]
    return {**seed_free, **made, "bad client": "canari-secret-faux"}, {bad, good}


def dump():
    """Return every row of every table, as text."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        return "\n".join(connection.connection.iterdump())
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += [repr(row) for row in cursor.fetchall()]
    return "\n".join(rows)


@pytest.mark.django_db(transaction=True)
def test_p05_p06_no_secret_is_left_anywhere(piag, logged_at_debug):
    secrets, codes = journey()
    queue = repr(list(DBTaskResult.objects.values()))
    run_worker()
    places = {
        "logs": logged_at_debug(),
        "database": dump(),
        "sessions": repr([session.get_decoded() for session in AgentSession.objects.all()]),
        "queue": queue,
        "mails": "".join(f"{message.subject}\n{message.body}" for message in mail.outbox),
    }
    assert "canari.jaune" in places["logs"]
    assert "Traceback" in places["logs"]
    assert "canari.jaune" in places["database"]
    assert len(mail.outbox) == 2
    assert "canari.jaune@example.fr" in queue
    assert "canari.jaune@example.fr" not in repr(list(DBTaskResult.objects.values()))
    for place, content in places.items():
        assert not [name for name, secret in secrets.items() if secret in content], place
    for place in ("logs", "sessions", "queue", "mails"):
        found = set(re.findall(r"(?<![\d.:])\d{6}(?![\dZ.])", places[place]))
        assert not codes & found, place


@pytest.mark.django_db
def test_a_session_says_when_and_by_what_and_nothing_else(browser, camille):
    browser.sign_in()
    browser.enrol()
    browser.get("/compte/")
    known = {"_auth_user_id", "_auth_user_backend", "_auth_user_hash", "password_at", "otp_mel", "user_agent"}
    assert set(AgentSession.objects.get().get_decoded()) == known
