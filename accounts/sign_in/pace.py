"""How long a refused sign-in takes, where a directory makes some refusals longer than others."""

import time

STEP = 0.3  # seconds: longer than the search and the bind of a directory that is well
clock, sleep = time.monotonic, time.sleep


def even_out(started: float) -> None:
    """Wait until a whole number of STEP has passed since `started` (read from `clock`).

    What was done meanwhile (a search alone, a search and a bind, a hash of our own) then shows only where the
    steps differ: with a directory slower than that, all take two.
    """
    sleep(-(clock() - started) % STEP)
