"""The circuit breaker of a source and its health as this process sees it: a dead source is left alone for a while.

After FAILURES calls in a row without an answer the source counts as unavailable for PAUSE seconds, so that the
program's threads do not all wait for it; then one call tries. « No », « absent » and the like are answers,
and a fault of one agent's record closes the source to no other agent.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Lock
from time import perf_counter
from typing import TypeVar

import structlog
from django.utils import timezone
from prometheus_client import Histogram
from pybreaker import STATE_CLOSED, CircuitBreaker, CircuitBreakerError

from twofactor.sources.contract import DelegatedSource, RecordUnusable, SeededSource, SourceUnavailable, State

T = TypeVar("T")
FAILURES = 4  # as many as a process has threads (cerbere/wsgi.py): one round of them
PAUSE = 10  # seconds
CALLS = Histogram(
    "cerbere_source_seconds", "Time of a call to the source of OTP Mél, by outcome", ["source", "act", "outcome"]
)
log = structlog.stdlib.get_logger("twofactor.sources")


@dataclass(frozen=True)
class Health:
    """The health of a source by the last calls of this process; all None before the first."""

    asked_at: datetime | None = None
    failing_since: datetime | None = None


class Watch:
    """The circuit breaker and the health of one source. One for each process, shared by its threads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.health = Health()
        self._trial = Lock()
        self._breaker = CircuitBreaker(FAILURES, PAUSE, exclude=[RecordUnusable], throw_new_error_on_trip=False)

    def ask(self, act: str, question: Callable[[], T], outcome_of: Callable[[T], str]) -> T:
        """Return the answer to `question`. Raises SourceUnavailable, without asking while the breaker is open."""
        start, outcome = perf_counter(), "unavailable"
        try:
            with self._pass_breaker():
                answer = self._ask_and_note(question)
            outcome = outcome_of(answer)
        except CircuitBreakerError as error:
            outcome = "not_asked"
            raise SourceUnavailable("not_asked") from error
        finally:
            CALLS.labels(self.name, act, outcome).observe(perf_counter() - start)
        return answer

    @contextmanager
    def _pass_breaker(self) -> Iterator[None]:
        """Let the breaker count the outcome of the block. While it is not closed, one caller at a time may enter.

        `calling()`, because `call()` would hold the breaker's lock for as long as the source takes to answer.
        """
        if self._breaker.current_state == STATE_CLOSED:
            with self._breaker.calling():
                yield
            return
        if not self._trial.acquire(blocking=False):
            raise CircuitBreakerError
        try:
            with self._breaker.calling():
                yield
        finally:
            self._trial.release()

    def _ask_and_note(self, question: Callable[[], T]) -> T:
        try:
            answer = question()
        except RecordUnusable as error:
            log.error("record_unusable", source=self.name, reason=str(error))
            raise
        except SourceUnavailable as error:
            now = timezone.now()
            self.health = Health(now, self.health.failing_since or now)
            log.error("source_unavailable", source=self.name, reason=str(error))
            raise
        if self.health.failing_since:
            log.info("source_answers_again", source=self.name, failed_since=self.health.failing_since.isoformat())
        self.health = Health(timezone.now())
        return answer


@cache
def get_watch(name: str) -> Watch:
    return Watch(name)


class WatchedSource:
    """A source behind its watch."""

    def __init__(self, source: SeededSource | DelegatedSource, watch: Watch) -> None:
        self.source, self.watch = source, watch

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """Look up as SeededSource does."""
        return self.watch.ask("look_up", lambda: self.source.look_up(uid), lambda answer: answer[0].value)


class WatchedDelegatedSource(DelegatedSource):
    """A source that verifies codes itself, behind its watch."""

    def __init__(self, source: DelegatedSource, watch: Watch) -> None:
        self.source, self.watch = source, watch

    def look_up(self, uid: str) -> tuple[State, None]:
        """Look up as DelegatedSource does."""
        return self.watch.ask("look_up", lambda: self.source.look_up(uid), lambda answer: answer[0].value)

    def verify(self, uid: str, code: str) -> bool:
        """Verify as DelegatedSource does."""
        return self.watch.ask("verify", lambda: self.source.verify(uid, code), lambda yes: "yes" if yes else "no")
