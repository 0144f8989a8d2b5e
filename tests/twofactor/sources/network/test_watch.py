"""A source that does not answer is left alone for a while, and what is known of it can be read."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.support.fakes import fake_bnum
from tests.support.people import NOW, activate_otp_mel, code, make_agent, wrong_code
from twofactor.sources import SourceUnavailable, State, get_current_watch, get_source
from twofactor.sources.exchange import OpenConnections
from twofactor.sources.watch import FAILURES, PAUSE

CAMILLE = "camille.durand"


@pytest.fixture
def daemon(settings):
    with fake_bnum.delegating(settings) as bnum:
        yield bnum


def fail(times=1):
    for _ in range(times):
        with pytest.raises(SourceUnavailable):
            get_source().look_up(CAMILLE)


def test_after_some_failures_in_a_row_it_is_not_asked(daemon, clock):
    daemon.mode = "reset"
    fail(FAILURES + 3)
    assert daemon.connections == FAILURES
    daemon.mode = "good"
    fail()


def test_then_one_call_tries_and_it_is_there_again(daemon, clock):
    daemon.mode = "reset"
    fail(FAILURES)
    daemon.mode = "good"
    clock.shift(PAUSE + 1)
    assert get_source().verify(CAMILLE, code()) is True
    daemon.mode = "reset"
    fail(FAILURES - 1)
    daemon.mode = "good"
    assert get_source().look_up(CAMILLE)[0] is State.PRESENT


def test_a_trial_that_fails_is_another_pause(daemon, clock):
    daemon.mode = "reset"
    fail(FAILURES)
    clock.shift(PAUSE + 1)
    fail(3)
    assert daemon.connections == FAILURES + 1


def test_one_answer_in_between_forgets_the_failures(daemon, clock):
    for _ in range(2):
        daemon.mode = "reset"
        fail(FAILURES - 1)
        daemon.mode = "good"
        get_source().look_up(CAMILLE)
    assert daemon.connections == 2 * FAILURES


def test_a_no_is_an_answer(daemon, clock):
    for _ in range(3 * FAILURES):
        assert get_source().verify(CAMILLE, wrong_code()) is False


@pytest.mark.django_db
def test_an_agent_who_is_absent_is_an_answer(clock):
    for _ in range(3 * FAILURES):
        assert get_source().look_up("sasha.petit") == (State.ABSENT, None)


@pytest.mark.django_db
def test_f09_the_database_is_behind_it_too(clock, settings):
    settings.MELOTP_TABLE = "no_such_table"
    fail(FAILURES)
    settings.MELOTP_TABLE = "dynalogin_user"
    fail()
    clock.shift(PAUSE + 1)
    assert get_source().look_up("sasha.petit")[0] is State.ABSENT


def test_f09_threads_do_not_wait_for_each_other(daemon):
    """Eight that come together while it is slow leave together; one after the other would take five deadlines."""
    daemon.mode = "slow"
    start = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: fail(), range(8)))
    assert time.monotonic() - start < 4 * 0.3


def test_f09_only_one_of_them_tries_a_source_that_was_down(daemon, clock):
    daemon.mode = "reset"
    fail(FAILURES)
    daemon.mode = "slow"
    clock.shift(PAUSE + 1)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: fail(), range(8)))
    assert daemon.connections == FAILURES + 1


def test_since_when_it_fails(daemon, clock, caplog):
    assert get_current_watch().health.asked_at is None
    daemon.mode = "reset"
    fail()
    clock.shift(3)
    fail()
    assert get_current_watch().health.failing_since == NOW
    assert get_current_watch().health.asked_at == NOW + timedelta(seconds=3)
    daemon.mode = "good"
    get_source().look_up(CAMILLE)
    assert get_current_watch().health.failing_since is None
    assert "source_answers_again" in caplog.text


@pytest.mark.django_db
def test_readyz_tells_it_and_stays_200_without_asking(daemon, browser, clock):
    get_source().look_up(CAMILLE)
    assert browser.get("/readyz").text == "ok\n"
    daemon.mode = "reset"
    fail()
    before = daemon.connections
    page = browser.get("/readyz")
    assert (page.status_int, page.text) == (
        200, "ok\nbnum: unavailable since 2026-11-24T09:00:00Z, last asked 2026-11-24T09:00:00Z\n",
    )  # fmt: skip
    assert daemon.connections == before


@pytest.mark.django_db
def test_metrics_count_calls_by_outcome_and_name_nobody(daemon, browser, clock):
    get_source().look_up(CAMILLE)
    get_source().verify(CAMILLE, wrong_code())
    get_source().verify(CAMILLE, code())
    daemon.mode = "reset"
    fail(FAILURES + 1)
    text = browser.get("/metrics").text
    for act, outcome in [("look_up", "present"), ("verify", "no"), ("verify", "yes"), ("look_up", "unavailable"),
                         ("look_up", "not_asked")]:  # fmt: skip
        assert f'cerbere_source_seconds_count{{act="{act}",outcome="{outcome}",source="dynalogind"}}' in text
    assert "camille" not in text


@pytest.mark.django_db
def test_the_administration_tells_it(daemon, browser, clock, settings):
    chief = make_agent("chief", is_staff=True, is_superuser=True)
    activate_otp_mel(chief)
    settings.MELOTP_SOURCE = "imported"
    browser.sign_in("chief")
    browser.send_code("/verification/", code())
    settings.MELOTP_SOURCE = "dynalogind"
    assert "Source OTP Mél : dynalogind – pas encore interrogée" in browser.get("/admin/").text
    get_source().look_up(CAMILLE)
    assert "Source OTP Mél : dynalogind – répond (dernière question le 24 novembre 2026 10:00)" in browser.get(
        "/admin/"
    )
    daemon.mode = "reset"
    fail()
    assert "Source OTP Mél : dynalogind – ne répond pas depuis le 24 novembre 2026 10:00" in browser.get("/admin/").text


def test_a_connection_that_comes_after_the_deadline_is_refused(daemon):
    """Its exchange has no caller any more: nobody would end it."""
    connections = OpenConnections()
    connections.cut()
    with socket.socket() as late, pytest.raises(TimeoutError):
        connections.add(late)
