"""A process hashes one password at a time, and while others wait for theirs, requests and hashes take turns.

A process has one core (`cerbere/serve.py`), and a hash goes through 46 MiB: whoever is answered beside it finds nothing
left in the caches, and takes the hash's. bench/README.md tells what turns spare. A hash that no other waits for keeps
nobody waiting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock, get_ident
from time import monotonic

PATIENCE = 0.01  # seconds at most that a hash waits for requests, and for one that is answered longer not at all
LONGEST = 0.05  # seconds at most that a request waits for hashes


class Turns:
    def __init__(self) -> None:
        self._one, self._changed = Lock(), Condition(Lock())
        self._begun: dict[int, float] = {}  # since when a thread answers a request, unless it hashes or waits for it
        self._passwords = 0  # that are hashed or wait for it
        self._hashes = False

    def begin(self) -> None:
        """This thread answers a request from now on."""
        if self._passwords > 1:
            with self._changed:
                self._changed.wait_for(lambda: not self._hashes, LONGEST)
        self._begun[get_ident()] = monotonic()

    def end(self) -> None:
        self._begun.pop(get_ident(), None)
        if self._passwords:
            with self._changed:
                self._changed.notify_all()

    @contextmanager
    def hashing(self) -> Iterator[None]:
        """In a request or not."""
        begun = self._begun.pop(get_ident(), None)
        with self._changed:
            self._passwords += 1
            self._changed.notify_all()
        with self._one:
            with self._changed:
                self._changed.wait_for(self._is_quiet, PATIENCE)
                self._hashes = True
            try:
                yield
            finally:
                with self._changed:
                    self._passwords -= 1
                    self._hashes = False
                    if begun is not None:
                        self._begun[get_ident()] = monotonic()
                    self._changed.notify_all()

    def _is_quiet(self) -> bool:
        """Whoever is answered longer waits for somebody outside, the Bnum perhaps."""
        lately = monotonic() - PATIENCE
        return all(begun < lately for begun in list(self._begun.values()))


TURNS = Turns()
