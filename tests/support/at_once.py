"""Acts in threads of their own, whose connections end with them."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any

from django.db import connections


def alone(act: Callable[..., Any]) -> Callable[..., Any]:
    """For a thread."""

    @wraps(act)
    def whole(*args: Any) -> Any:
        try:
            return act(*args)
        finally:
            connections.close_all()

    return whole


def at_once(act: Callable[[Any], Any], cases: Iterable[Any], threads: int | None = None) -> list[Any]:
    """What the act gives for each, in their order; as many threads as cases, unless it is said."""
    cases = list(cases)
    with ThreadPoolExecutor(threads or len(cases)) as pool:
        return list(pool.map(alone(act), cases))
