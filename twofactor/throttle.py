"""The waits after wrong codes. Pure functions: counts and times in, times out."""

from datetime import datetime, timedelta

FREE_TRIES = 5
WAITS = tuple(timedelta(minutes=m) for m in (1, 2, 4, 8, 15))  # after the 5th, 6th, … failure; the last repeats
CEILING = (
    50  # failures in a row: closed until the helpdesk unlocks it; by then a guesser at ±1 step has one chance in 6 600
)


def compute_wait_end(failures: int, now: datetime) -> datetime | None:
    """Return the end of the wait after this many refused codes in a row; None if there is no wait."""
    if failures < FREE_TRIES:
        return None
    return now + WAITS[min(failures - FREE_TRIES, len(WAITS) - 1)]


def is_closed(failures: int) -> bool:
    return failures >= CEILING
