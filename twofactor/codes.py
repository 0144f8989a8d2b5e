"""Time-based codes (RFC 6238) with SHA-1, six digits, 30 seconds, T0 = 0. No database, no clock."""

import base64
import hmac
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import pyotp

DIGITS = 6
STEP = 30  # seconds
NEARBY_STEPS = 10  # steps on each side: a code from these five minutes shows a clock out of step, not a wrong code
PYOTP_MINIMUM = 14  # bytes; pyotp refuses shorter keys


class Outcome(StrEnum):
    GOOD = "good"
    REPEATED = "repeated"  # the same form sent twice by the session that has just burnt this code
    WRONG = "wrong"
    ALREADY_USED = "already_used"
    CLOCK_OUT_OF_STEP = "clock_out_of_step"
    CLOCK_WENT_BACK = "clock_went_back"  # the server's own clock: a step is burnt that it has not reached
    TOO_MANY_TRIES = "too_many_tries"
    SECRET_CHANGED = "secret_changed"  # the Bnum has another secret now, or none: the agent must confirm it


COUNTED_OUTCOMES = frozenset({Outcome.WRONG, Outcome.ALREADY_USED, Outcome.CLOCK_OUT_OF_STEP})


def clean_code(typed: str) -> str | None:
    """Return the code without white space if it is six ASCII digits, else None."""
    code = "".join(typed.split())
    return code if len(code) == DIGITS and code.isascii() and code.isdigit() else None


def get_step(now: datetime) -> int:
    return int(now.timestamp()) // STEP


def compute_code(seed: bytes, step: int) -> str:
    """Return the six digits of a step."""
    return _make_hotp(seed).at(step)


def find_matching_steps(seed: bytes, code: str, steps: Iterable[int]) -> list[int]:
    """Return the steps that have this code; all are compared, each in constant time."""
    codes = _make_hotp(seed)
    return [step for step in steps if hmac.compare_digest(codes.at(step), code)]


def _make_hotp(seed: bytes) -> pyotp.HOTP:
    """Return the generator of a seed's codes. Zero bytes added to a short seed change no code (RFC 2104 §2)."""
    padded = seed.ljust(PYOTP_MINIMUM, b"\0")
    return pyotp.HOTP(base64.b32encode(padded).decode().rstrip("="))


def judge_code(seed: bytes, code: str, now: datetime, tolerance: int, last_step: int) -> tuple[Outcome, int]:
    """Return the outcome of a code, and the step to burn: `last_step` itself unless the outcome is GOOD.

    A code is good within `tolerance` steps on each side of now, if its step is later than `last_step`. The window
    never moves: the codes of a phone whose clock drifts stop working, instead of a wider window for all. While the
    server's clock is behind the last burnt step, no code is evaluated.
    """
    current = get_step(now)
    if last_step > current + tolerance:
        return Outcome.CLOCK_WENT_BACK, last_step
    near = find_matching_steps(seed, code, range(current - tolerance, current + tolerance + 1))
    unused = [step for step in near if step > last_step]
    if unused:
        return Outcome.GOOD, unused[0]
    if near:
        return Outcome.ALREADY_USED, last_step
    drifted = find_matching_steps(seed, code, range(current - NEARBY_STEPS, current + NEARBY_STEPS + 1))
    return (Outcome.CLOCK_OUT_OF_STEP if drifted else Outcome.WRONG), last_step
