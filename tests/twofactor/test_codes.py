"""The arithmetic of codes, against the standards' own vectors and the Bnum's secrets."""

import base64
import csv
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import VECTORS
from tests.support.people import NOW
from twofactor.codes import STEP, Outcome, clean_code, compute_code, find_matching_steps, get_step, judge_code
from twofactor.secret_encodings import decode_secret

RFC_SECRET = b"12345678901234567890"
STEP_NOW = get_step(NOW)
STEP_OF_A_PAIR = 57766335  # its code and the next one are both 251166
GOOD, WRONG, USED, DRIFTED = Outcome.GOOD, Outcome.WRONG, Outcome.ALREADY_USED, Outcome.CLOCK_OUT_OF_STEP


def vectors(name):
    lines = (VECTORS / name).read_text().splitlines()
    return [tuple(row.values()) for row in csv.DictReader(line for line in lines if not line.startswith("#"))]


def at(seconds):
    return datetime.fromtimestamp(int(seconds), tz=UTC)


@pytest.mark.parametrize(("count", "hotp"), vectors("rfc4226.csv"))
def test_t03_vectors_of_rfc_4226(count, hotp):
    assert compute_code(RFC_SECRET, int(count)) == hotp


@pytest.mark.parametrize(("seconds", "totp"), vectors("rfc6238.csv"))
def test_t03_vectors_of_rfc_6238_in_their_last_six_digits(seconds, totp):
    eight = pyotp.TOTP(base64.b32encode(RFC_SECRET).decode(), digits=8).at(int(seconds))
    assert (eight, compute_code(RFC_SECRET, get_step(at(seconds)))) == (totp, totp[-6:])


@pytest.mark.parametrize(("stored", "base32", "code"), vectors("bnum.csv"))
def test_a_secret_of_the_bnum_gives_the_phones_code(stored, base32, code):
    assert decode_secret(stored, "raw") == decode_secret(base32, "base32")
    assert compute_code(decode_secret(stored, "raw"), get_step(at(1_700_000_000))) == code


def test_a_raw_secret_read_as_base32_gives_silently_other_codes():
    seed = decode_secret("ABCDEFGHIJKLMNOPQRST2345", "base32")
    assert compute_code(seed, get_step(at(1_700_000_000))) == "619967"


def test_t03_a_leading_zero_is_kept():
    assert compute_code(RFC_SECRET, get_step(at(1111111109))) == "081804"
    assert judge_code(RFC_SECRET, "081804", at(1111111109), 0, -1)[0] is GOOD


@pytest.mark.parametrize(
    ("seconds", "step"), [(0, 0), (29.999, 0), (30, 1), (59.999, 1), (2**31 - 1, 71582788), (2**32, 143165576)]
)
def test_f08_the_step_changes_every_thirty_seconds_2038_included(seconds, step):
    assert get_step(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)) == step


@pytest.mark.parametrize(
    ("offset", "tolerance", "last", "outcome"),
    [
        (0, 1, -9, GOOD), (-1, 1, -9, GOOD), (1, 1, -9, GOOD), (0, 0, -9, GOOD), (2, 2, -9, GOOD), (-2, 2, -9, GOOD),
        (-1, 0, -9, DRIFTED), (1, 0, -9, DRIFTED), (-2, 1, -9, DRIFTED), (2, 1, -9, DRIFTED), (3, 2, -9, DRIFTED),
        (-10, 1, -9, DRIFTED), (10, 1, -9, DRIFTED), (-11, 1, -9, WRONG), (11, 1, -9, WRONG),
        (0, 1, 0, USED), (-1, 1, -1, USED), (-1, 1, 0, USED), (0, 1, 1, USED), (1, 1, 1, USED), (1, 1, 0, GOOD),
        (0, 1, -1, GOOD), (-2, 1, 0, DRIFTED),
    ],
)  # fmt: skip
def test_t02_outcome_of_a_code_by_its_step(offset, tolerance, last, outcome):
    """`offset` is the code's step, `last` the last burnt one, both counted from now."""
    code = compute_code(RFC_SECRET, STEP_NOW + offset)
    burnt = STEP_NOW + (offset if outcome is GOOD else last)
    assert judge_code(RFC_SECRET, code, NOW, tolerance, STEP_NOW + last) == (outcome, burnt)


@given(st.integers(-3, 3), st.integers(0, 2), st.integers(-5, 5))
def test_t05_burning_only_moves_forward(offset, tolerance, last):
    code = compute_code(RFC_SECRET, STEP_NOW + offset)
    outcome, burnt = judge_code(RFC_SECRET, code, NOW, tolerance, STEP_NOW + last)
    assert (outcome is GOOD) == (burnt > STEP_NOW + last)
    assert (outcome is GOOD) == (abs(offset) <= tolerance and offset > last)


def test_a_code_of_two_neighbouring_steps_burns_the_one_that_is_not_used():
    """One pair of steps in a million shows the same code twice: the agent must not be refused for it."""
    step, code = STEP_OF_A_PAIR, compute_code(RFC_SECRET, STEP_OF_A_PAIR)
    assert find_matching_steps(RFC_SECRET, code, [step, step + 1]) == [step, step + 1]
    assert judge_code(RFC_SECRET, code, at(step * STEP), 1, step) == (GOOD, step + 1)


@pytest.mark.parametrize(
    "typed", ["123456", " 123456 ", "123 456", "12 34 56", "1\t23456\n", "123\u00a0456", "123\u202f456", "000123"]
)
def test_t03_g03_six_digits_with_white_space_are_a_code(typed):
    assert clean_code(typed) == "".join(c for c in typed if c in "0123456789")


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "123", "12345", "1234567", "00123456", "+123456", "-123456", "123_456", "1e5000", "0x1234", "123456\0",
        "12345a", "123-456", "123.456", "١٢٣٤٥٦", "१२३४५६", "１２３４５６", "12345６", "²²²²²²", "①②③④⑤⑥",
        "123\u200b456",
    ],
)  # fmt: skip
def test_t03_anything_else_is_refused(typed):
    assert clean_code(typed) is None


@given(st.text(max_size=40))
def test_clean_code_gives_six_ascii_digits_or_nothing(typed):
    code = clean_code(typed)
    assert code is None or (len(code) == 6 and set(code) <= set("0123456789"))
    assert code in (None, "".join(typed.split()))


@given(st.text(st.characters(categories=["Nd", "No", "Nl"], exclude_characters="0123456789"), min_size=6, max_size=6))
def test_clean_code_never_takes_digits_of_other_scripts(typed):
    assert clean_code(typed) is None


@given(st.text("0123456789", min_size=6, max_size=6), st.integers(0, 6), st.text(" \t\u00a0", max_size=3))
def test_clean_code_takes_every_code_with_white_space_anywhere(digits, place, space):
    assert clean_code(digits[:place] + space + digits[place:]) == digits
