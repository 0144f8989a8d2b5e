"""A call that takes too long is left behind; what it returns or raises in time is the caller's."""

import threading
from contextvars import ContextVar

import pytest

from cerbere.core.deadlines import run_within

request_id = ContextVar("request_id", default="")


def test_what_the_call_returns_is_returned():
    assert run_within(5, lambda: "answer") == "answer"


def test_what_the_call_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_within(5, lambda: 1 / 0)


def test_a_call_that_takes_longer_is_a_timeout():
    ended = threading.Event()
    with pytest.raises(TimeoutError):
        run_within(0.01, lambda: ended.wait(30))
    ended.set()


def test_the_log_lines_of_the_call_belong_to_the_request():
    request_id.set("abc")
    assert run_within(5, request_id.get) == "abc"
