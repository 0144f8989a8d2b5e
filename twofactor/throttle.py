"""How long an agent waits after wrong codes. Pure: counts and times in, times out."""

from datetime import datetime, timedelta

FREE_TRIES = 5
WAITS = tuple(timedelta(minutes=m) for m in (1, 2, 4, 8, 15))  # after the 5th, 6th, … failure; the last repeats
CEILING = 50  # failures in a row: closed until the helpdesk unlocks (one chance in 6 600 for a guesser at ±1 step)


def wait_after(failures: int, now: datetime) -> datetime | None:
    """Until when no code is evaluated, once `failures` codes in a row were refused. None: none."""
    if failures < FREE_TRIES:
        return None
    return now + WAITS[min(failures - FREE_TRIES, len(WAITS) - 1)]


def is_closed(failures: int) -> bool:
    return failures >= CEILING
