"""F18: mails wait in the queue until the relay takes them; an act never waits for one."""

import logging
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django_tasks_db.models import DBTaskResult

from accounts.notices import RETRY_AFTER, notify
from tests.support.fakes.smtp_sink import relay
from tests.support.people import NOW
from tests.support.servers.programs import free_port
from tests.support.worker import run_worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]
ADD = "/compte/deux-facteurs/otp-mel/"
SUBJECT = "Authentification à deux facteurs activée"


@pytest.fixture
def port(settings):
    """Return the port on which the relay is expected."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    return settings.EMAIL_PORT


@pytest.fixture
def enrolled_now(port, browser, camille):
    """Return Camille, who has just activated OTP Mél."""
    browser.sign_in()
    assert "activée avec succès" in browser.follow_inside(browser.enrol())
    return camille


@pytest.fixture
def notice_log(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [(r.msg["event"], r.msg["attempt"]) for r in caplog.records if r.name == "accounts.notices"]


def queue():
    return str(list(DBTaskResult.objects.values_list("args_kwargs", "return_value", "traceback")))


def test_the_agent_does_not_wait_for_the_relay(enrolled_now, port):
    with relay(port) as server:
        assert server.received == []
        run_worker()
        [mail] = server.received
        assert (mail["To"], mail["Subject"]) == ("camille.durand@example.fr", SUBJECT)
        assert "a été activée le 24/11/2026 à 10:00, par la méthode OTP Mél." in mail.get_content()


def test_f18_a_relay_that_is_down_and_returns_gets_each_mail_once(enrolled_now, port, clock, notice_log):
    run_worker()
    run_worker()
    assert notice_log() == [("notice_not_sent", 1)]
    clock.shift(RETRY_AFTER[0])
    with relay(port) as server:
        for _ in range(3):
            run_worker()
            clock.shift(timedelta(days=2))
    assert [mail["Subject"] for mail in server.received] == [SUBJECT]
    assert notice_log() == [("notice_not_sent", 1), ("notice_sent", 2)]


def test_f18_a_relay_that_refuses_is_asked_again(enrolled_now, port, clock, notice_log):
    with relay(port, refusal="451 too busy"):
        run_worker()
    clock.shift(RETRY_AFTER[0])
    with relay(port) as server:
        run_worker()
    assert len(server.received) == 1
    assert notice_log() == [("notice_not_sent", 1), ("notice_sent", 2)]


def test_f18_a_mail_is_given_up_after_a_bounded_number_of_tries(enrolled_now, clock, notice_log):
    for wait in (*RETRY_AFTER, timedelta(days=30), timedelta(days=30)):
        run_worker()
        clock.shift(wait)
    assert notice_log() == [*(("notice_not_sent", n) for n in range(1, 6)), ("notice_given_up", 6)]
    assert not DBTaskResult.objects.ready().exists()


def test_p06_a_mail_leaves_the_queue_when_it_is_sent(enrolled_now, port, clock):
    assert "camille.durand@example.fr" in queue()
    run_worker()
    clock.shift(RETRY_AFTER[0])
    with relay(port):
        run_worker()
    assert DBTaskResult.objects.count() == 2
    assert not [word for word in ("camille", "Camille", "activée") if word in queue()]


def test_p05_the_log_names_nobody(port, camille, caplog):
    caplog.set_level(logging.INFO)
    notify(camille, SUBJECT, "twofactor/mails/otp_mel_added.txt")
    with relay(port, refusal="550 no camille.durand@example.fr here"):
        run_worker()
    lines = [str(record.msg) for record in caplog.records if record.name == "accounts.notices"]
    assert "SMTPRecipientsRefused" in lines[0]
    assert "camille" not in str(lines)


@transaction.atomic
def act_that_fails_after_its_mail(agent):
    notify(agent, SUBJECT, "twofactor/mails/otp_mel_added.txt")
    raise ZeroDivisionError


def test_an_act_that_fails_sends_nothing(port, camille):
    with pytest.raises(ZeroDivisionError):
        act_that_fails_after_its_mail(camille)
    assert not DBTaskResult.objects.exists()


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"], ids=["killed", "stopped"])
def test_a_mail_that_a_killed_worker_held_is_sent_by_the_purge(enrolled_now, port, clock, capsys, status):
    DBTaskResult.objects.update(status=status, started_at=NOW)
    with relay(port) as server:
        for hours, sent in ((0, 0), (1, 1), (1, 1)):
            clock.shift(timedelta(hours=hours))
            call_command("purge")
            run_worker()
            assert len(server.received) == sent


def test_the_purge_does_not_send_again_what_a_killed_worker_had_sent(enrolled_now, port, clock, capsys):
    with relay(port) as server:
        run_worker()
        DBTaskResult.objects.update(status="RUNNING")
        clock.shift(timedelta(hours=2))
        call_command("purge")
        run_worker()
        assert len(server.received) == 1
    assert not DBTaskResult.objects.failed().exists()


def test_a_mail_that_waits_during_the_upgrade_is_sent(enrolled_now, port):
    DBTaskResult.objects.update(task_path="accounts.notices.send")
    migration = import_module("cerbere.provider.migrations.0003_task_paths")
    migration.rename_tasks(apps, SimpleNamespace(connection=connection))
    with relay(port) as server:
        run_worker()
    assert len(server.received) == 1
