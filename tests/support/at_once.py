"""Acts in threads of their own, whose connections end with them."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any

from django.db import connections


def close_connections_after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an act so that it closes its connections: for a thread."""

    @wraps(act)
    def run_and_close(*args: Any) -> Any:
        try:
            return act(*args)
        finally:
            connections.close_all()

    return run_and_close


def run_at_once(act: Callable[[Any], Any], cases: Iterable[Any], threads: int | None = None) -> list[Any]:
    """Return the act's results for the cases, in order, run at once in `threads` (default: one a case)."""
    cases = list(cases)
    with ThreadPoolExecutor(threads or len(cases)) as pool:
        return list(pool.map(close_connections_after(act), cases))
