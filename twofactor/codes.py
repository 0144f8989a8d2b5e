"""The arithmetic of codes: RFC 6238 with SHA-1, six digits, 30 seconds, T0 = 0. No database, no clock."""

import base64
import hmac
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import pyotp

DIGITS = 6
STEP = 30  # seconds
NEARBY = 10  # steps on each side: a code of there tells a clock out of step (five minutes) from a wrong code
PYOTP_MINIMUM = 14  # bytes; pyotp refuses shorter keys


class Outcome(StrEnum):
    GOOD = "good"
    REPEATED = "repeated"  # the same form sent twice by the session that has just burnt this code
    WRONG = "wrong"
    ALREADY_USED = "already_used"
    CLOCK_OUT_OF_STEP = "clock_out_of_step"
    CLOCK_WENT_BACK = "clock_went_back"  # ours: a step is burnt that this clock has not reached
    TOO_MANY_TRIES = "too_many_tries"
    SECRET_CHANGED = "secret_changed"  # the Bnum holds another secret now, or none: to be confirmed anew


COUNTED = frozenset({Outcome.WRONG, Outcome.ALREADY_USED, Outcome.CLOCK_OUT_OF_STEP})


def clean_code(typed: str) -> str | None:
    """The code without white space if it is six ASCII digits, else None."""
    code = "".join(typed.split())
    return code if len(code) == DIGITS and code.isascii() and code.isdigit() else None


def step_of(now: datetime) -> int:
    return int(now.timestamp()) // STEP


def code_at(seed: bytes, step: int) -> str:
    """The six digits of a step."""
    return _codes(seed).at(step)


def matching_steps(seed: bytes, code: str, steps: Iterable[int]) -> list[int]:
    """Those of `steps` whose code this is; every one is compared, in constant time."""
    codes = _codes(seed)
    return [step for step in steps if hmac.compare_digest(codes.at(step), code)]


def _codes(seed: bytes) -> pyotp.HOTP:
    """The code of each step. HMAC pads keys with zero bytes (RFC 2104 §2): short seeds keep their codes."""
    padded = seed.ljust(PYOTP_MINIMUM, b"\0")
    return pyotp.HOTP(base64.b32encode(padded).decode().rstrip("="))


def judge(seed: bytes, code: str, now: datetime, tolerance: int, last_step: int) -> tuple[Outcome, int]:
    """The outcome of a code and the step to burn (`last_step` itself unless the outcome is GOOD).

    Within `tolerance` steps on each side of now and later than `last_step`: good. Burning only moves
    forward, and the window is never moved: a phone that drifts stops working instead of widening it.
    While our own clock is behind the last burnt step no code can be good: nothing is evaluated.
    """
    current = step_of(now)
    if last_step > current + tolerance:
        return Outcome.CLOCK_WENT_BACK, last_step
    near = matching_steps(seed, code, range(current - tolerance, current + tolerance + 1))
    unused = [step for step in near if step > last_step]
    if unused:
        return Outcome.GOOD, unused[0]
    if near:
        return Outcome.ALREADY_USED, last_step
    drifted = matching_steps(seed, code, range(current - NEARBY, current + NEARBY + 1))
    return (Outcome.CLOCK_OUT_OF_STEP if drifted else Outcome.WRONG), last_step
