"""Requests and password hashes of one process take turns while passwords queue up (accounts/turns.py)."""

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event, get_ident
from time import monotonic

import pytest

from accounts import turns
from accounts.turns import TURNS, Turns
from cerbere.portal.direct import Direct

LONG = 60  # seconds: nothing here waits so long


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as pool:
        yield pool


@contextmanager
def hash_under_way(pool, taking, *, others=0):
    """One password is being hashed, while this many others wait for theirs."""
    runs, goes_on = Event(), Event()

    def first():
        with taking.hashing():
            runs.set()
            assert goes_on.wait(LONG)

    futures = [pool.submit(first)]
    assert runs.wait(LONG)
    futures += [pool.submit(hash_once, taking) for _ in range(others)]
    end = monotonic() + LONG
    while taking._passwords < 1 + others:
        assert monotonic() < end
    try:
        yield
    finally:
        goes_on.set()
        for future in futures:
            future.result(LONG)


def answer(taking):
    taking.begin()
    taking.end()


def hash_once(taking):
    with taking.hashing():
        pass


def test_a_request_waits_for_the_hash_that_others_wait_for(pool, monkeypatch):
    monkeypatch.setattr(turns, "LONGEST", LONG)
    taking = Turns()
    with hash_under_way(pool, taking, others=1):
        request = pool.submit(answer, taking)
        assert wait([request], timeout=0.3).not_done
    request.result(LONG)


def test_a_hash_that_nobody_waits_for_keeps_no_request_waiting(pool, monkeypatch):
    monkeypatch.setattr(turns, "LONGEST", LONG)
    taking = Turns()
    with hash_under_way(pool, taking):
        pool.submit(answer, taking).result(LONG / 2)


def test_a_request_does_not_wait_for_ever(pool):
    taking = Turns()
    with hash_under_way(pool, taking, others=1):
        pool.submit(answer, taking).result(LONG)


def test_a_hash_waits_until_the_requests_that_have_begun_are_answered(pool, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", LONG)
    taking = Turns()
    taking.begin()
    hashed = pool.submit(hash_once, taking)
    assert wait([hashed], timeout=0.3).not_done
    taking.end()
    hashed.result(LONG / 2)


def test_a_hash_waits_for_a_slow_request_only_a_moment(pool):
    taking = Turns()
    taking.begin()
    pool.submit(hash_once, taking).result(LONG)


def test_a_hash_does_not_wait_for_a_request_that_is_answered_since_long(pool, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", LONG)
    taking = Turns()
    taking.begin()
    taking._begun[get_ident()] -= LONG
    pool.submit(hash_once, taking).result(LONG / 2)


def test_a_request_does_not_wait_for_itself_and_leaves_nothing_behind(pool, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", LONG)
    taking = Turns()
    pool.submit(request_with_a_password, taking).result(LONG / 2)
    assert (taking._begun, taking._passwords, taking._hashes) == ({}, 0, False)


def request_with_a_password(taking):
    taking.begin()
    with pytest.raises(ZeroDivisionError), taking.hashing():
        raise ZeroDivisionError
    taking.end()


def test_a_request_is_waited_for_again_once_its_own_password_is_hashed(pool, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", LONG)
    taking = Turns()
    taking.begin()
    hash_once(taking)
    hashed = pool.submit(hash_once, taking)
    assert wait([hashed], timeout=0.3).not_done
    taking.end()
    hashed.result(LONG / 2)


def test_what_the_server_runs_takes_turns(pool, monkeypatch):
    monkeypatch.setattr(turns, "LONGEST", LONG)
    application = Direct(lambda _environ, _start_response: [b"answered"])
    with hash_under_way(pool, TURNS, others=1):
        answer = pool.submit(application, {"PATH_INFO": "/compte/"}, None)
        assert wait([answer], timeout=0.3).not_done
    assert answer.result(LONG) == [b"answered"]
    assert TURNS._begun == {}
