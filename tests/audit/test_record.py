"""The journal: one row and one JSON line for each thing that happened, and no way to change it."""

import io
import json
import logging
from datetime import timedelta

import pytest
import structlog
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts.models import AgentSession, Attempts
from cerbere.audit.context import current_origin, make_reference
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.audit.record import record
from tests.support.people import PASSWORD, Browser, make_agent

HOSTILE = 'line\nbreak\r\n\x1b[31mred\x1b[0m "quote", {"event": "forged"} \u2028 \\ \0 é'


@pytest.fixture
def lines():
    """Yield a function that parses the lines of the program's log handler: each must be one JSON object."""
    handler = logging.getLogger().handlers[0]
    before = handler.setStream(io.StringIO())
    yield lambda: [json.loads(line) for line in handler.stream.getvalue().splitlines()]
    handler.setStream(before)


def audit(lines):
    return [line for line in lines() if line["logger"] == "cerbere.audit"]


@pytest.mark.django_db
def test_a_row_cannot_be_changed_nor_removed(camille):
    event = record(Event.SIGN_OUT, camille)
    event.agent = "nobody"
    for act in (
        event.save, event.delete, AuditEvent.objects.all().delete, lambda: AuditEvent.objects.update(agent="nobody"),
        lambda: AuditEvent.objects.filter(pk=event.pk).update(agent="nobody"),
        lambda: AuditEvent.objects.bulk_update([event], ["agent"]),
        lambda: AuditEvent.objects.update_or_create(pk=event.pk, defaults={"agent": "nobody"}),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="append-only"), transaction.atomic():
            act()
    assert AuditEvent.objects.get().agent == camille.uid


@pytest.mark.django_db
def test_removing_an_agent_keeps_the_events(camille):
    record(Event.SIGN_OUT, camille)
    camille.delete()
    assert AuditEvent.objects.get().agent == "camille.durand"


@pytest.mark.django_db(transaction=True)
def test_p02_a_sign_in_is_one_row_and_one_line_with_the_same_facts(browser, camille, lines):
    answer = browser.sign_in()
    row = AuditEvent.objects.get()
    (line,) = audit(lines)
    assert (row.name, row.agent, row.address) == ("sign_in:accepted", "camille.durand", "192.0.2.10")
    assert row.request_id == line["request_id"] == answer.headers["X-Request-ID"]
    assert (line["event"], line["agent"], line["address"], line["level"]) == (row.name, row.agent, row.address, "info")
    assert line["timestamp"].endswith("Z")
    assert timezone.now() - row.at < timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_p02_every_act_of_the_portal_leaves_its_event(browser, camille, lines):
    browser.sign_in(password="wrong")
    browser.sign_in()
    Browser().sign_in()
    account = browser.get("/compte/")
    next(form for form in account.forms.values() if form.action.endswith("/terminer/")).submit()
    for current in ("wrong", PASSWORD):
        form = next(f for f in browser.get("/compte/mot-de-passe/").forms.values() if "current_password" in f.fields)
        form["current_password"] = current
        form["new_password1"] = form["new_password2"] = "tapis girafe moulin 42"
        form.submit()
    next(form for form in browser.get("/compte/").forms.values() if form.action == "/deconnexion/").submit()
    events = ["sign_in:refused", "sign_in:accepted", "sign_in:accepted", "session:ended", "password:refused",
              "password:changed", "sign_out:done"]  # fmt: skip
    assert [line["event"] for line in audit(lines)] == events
    assert list(AuditEvent.objects.order_by("id").values_list("name", flat=True)) == events
    assert all(line["agent"] == "camille.durand" for line in audit(lines))


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_in_neither(camille, lines):
    with transaction.atomic():
        record(Event.SIGN_OUT, camille)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()
    assert not audit(lines)


@pytest.mark.django_db(transaction=True)
def test_p03_hostile_text_stays_one_record(camille, lines):
    camille.uid = HOSTILE[:100].replace("\0", "")
    record(Event.ACCESS_REFUSED, camille, client_id=HOSTILE.replace("\0", ""), reason=HOSTILE.replace("\0", ""))
    (line,) = audit(lines)
    assert line["event"] == "access:refused"
    assert line["agent"] == camille.uid
    assert line["reason"] == HOSTILE.replace("\0", "")


@pytest.mark.parametrize("text", [HOSTILE, "%s %d %(x)s", "{0} {}", "é" * 10_000])
def test_p03_other_loggers_write_one_line_too(lines, text):
    logging.getLogger("some.library").warning("said: %s", text)
    structlog.get_logger("ours").warning("said", text=text)
    assert [line["level"] for line in lines()] == ["warning"] * 2


@pytest.mark.django_db
def test_p03_a_hostile_name_typed_at_login_is_on_no_line(browser, lines):
    """It may well be a password, typed into the wrong field."""
    browser.sign_in("typed-into-the-wrong-field\x1b[31m", "wrong")
    browser.extra_environ["HTTP_USER_AGENT"] = "evil\x1b[31m agent"
    browser.get("/nowhere\x1b[31m%0aforged", status=404)
    written = json.dumps(lines())
    assert "typed-into-the-wrong-field" not in written
    assert "\x1b" not in written
    assert AuditEvent.objects.get().agent == ""


@pytest.mark.django_db
def test_long_details_are_cut():
    assert len(record(Event.TOKEN_REFUSED, client_id="c" * 500, reason="r" * 500).detail["reason"]) == 200
    assert len(AuditEvent.objects.get().client_id) == 100


@pytest.mark.django_db
def test_outside_a_request_an_event_has_no_origin():
    assert (record(Event.CLIENT_REGISTERED, client_id="wiki").address, current_origin.get().request_id) == (None, "")


def test_the_reference_is_the_beginning_of_the_request_id():
    assert make_reference("7f3a21c9" + "0" * 24) == "7F3A-21C9"


@pytest.mark.django_db
def test_two_requests_have_two_ids_and_a_client_chooses_none(browser):
    browser.extra_environ["HTTP_X_REQUEST_ID"] = "chosen"
    ids = {browser.get("/healthz").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    assert "chosen" not in ids


@pytest.mark.django_db
def test_p04_purge_removes_what_serves_nobody_and_keeps_the_rest(browser, camille, settings, capsys):
    now = timezone.now()
    browser.sign_in()
    live = AgentSession.objects.get()
    old = {"session_data": "", "agent": camille, "created_at": now}
    AgentSession.objects.create(session_key="a" * 32, expire_date=now - timedelta(seconds=1), **old)
    AgentSession.objects.create(
        session_key="b" * 32, expire_date=now + timedelta(hours=1), last_seen_at=now - settings.SESSION_IDLE, **old
    )
    Attempts.objects.create(key="source:old", updated_at=now - timedelta(days=1))
    events = AuditEvent.objects.count()
    for age in (settings.AUDIT_RETENTION - timedelta(minutes=1), settings.AUDIT_RETENTION + timedelta(minutes=1)):
        AuditEvent.objects.create(at=now - age, name=Event.SIGN_OUT)
    call_command("purge")
    assert capsys.readouterr().out == "sessions: 2, requests: 0, grants: 0, attempts: 1, notices: 0, events: 1\n"
    assert AgentSession.objects.get() == live
    assert AuditEvent.objects.count() == events + 1
    assert browser.get("/compte/").status_int == 200
    assert Attempts.objects.exists()


@pytest.mark.django_db
def test_p04_purge_forgets_no_lock(camille):
    for n in range(7):
        Browser(f"198.51.100.{n}").sign_in(password="wrong")
    call_command("purge", verbosity=0)
    assert Browser().sign_in().status_int == 429
    assert make_agent("somebody.else").pk
