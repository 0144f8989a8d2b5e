"""The duration of a refused sign-in, made even where a directory makes some refusals slower than others."""

import time

STEP = 0.3  # seconds: longer than a search and a bind take in a healthy directory
clock, sleep = time.monotonic, time.sleep


def wait_for_step(started: float) -> None:
    """Sleep until a whole number of STEP has passed since `started` (read from `clock`).

    The duration then hides whether there was a search alone, a search and a bind, or a hash of our own. A slower
    directory makes all of them take two steps.
    """
    sleep(-(clock() - started) % STEP)
