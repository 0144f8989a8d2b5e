"""A deadline for calls that no timeout bounds."""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def run_within(seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns. Raises what it raises, and TimeoutError when it takes longer than `seconds`.

    The call has a thread of its own, which is left behind when the time is over: the timeout of a socket bounds
    neither the resolution of a name nor an answer that comes byte by byte. Whatever the call holds, a connection or a
    semaphore, is for the caller to cut or for the call itself to release when it ends.
    """
    outcome: Future[T] = Future()
    Thread(target=copy_context().run, args=(_set_outcome, outcome, call), daemon=True).start()
    return outcome.result(seconds)


def _set_outcome(outcome: "Future[T]", call: Callable[[], T]) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:  # the caller that waits raises it again
        outcome.set_exception(error)
