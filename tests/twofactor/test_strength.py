"""How strongly a session is proved, and how long wrong codes make wait: pure tables."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import otp, password
from tests.support.people import NOW
from twofactor.strength import Fact, Method, Strength, compute_strength, get_amr, get_auth_time
from twofactor.throttle import CEILING, FREE_TRIES, compute_wait_end, is_closed

MAX_AGE = timedelta(minutes=600)
NONE, PASSWORD, TWO_FACTOR = Strength


@pytest.mark.parametrize(
    ("facts", "active", "strength"),
    [
        ([], [], NONE),
        ([], ["d1"], NONE),
        ([otp()], ["d1"], NONE),
        ([password()], [], PASSWORD),
        ([password()], ["d1"], PASSWORD),
        ([password(100_000)], [], PASSWORD),
        ([password(), otp()], ["d1"], TWO_FACTOR),
        ([otp(), password()], ["d1"], TWO_FACTOR),
        ([password(), otp()], ["d2", "d1"], TWO_FACTOR),
        ([password(), otp()], [], PASSWORD),
        ([password(), otp()], ["d2"], PASSWORD),
        ([password(), otp(device="")], [""], TWO_FACTOR),
        ([password(), otp(600)], ["d1"], TWO_FACTOR),
        ([password(), otp(601)], ["d1"], PASSWORD),
        ([password(), otp(601), otp(2, "d2")], ["d1", "d2"], TWO_FACTOR),
        ([password(), otp(601), otp(2, "d2")], ["d1"], PASSWORD),
        ([password(), password()], ["", "d1"], PASSWORD),
    ],
)
def test_strength_of_facts(facts, active, strength):
    assert compute_strength(facts, active, NOW, MAX_AGE) is strength


def test_a_password_never_counts_as_a_second_factor_even_with_a_devices_name():
    facts = [password(), Fact(Method.PASSWORD, NOW, "d1")]
    assert compute_strength(facts, ["d1"], NOW, MAX_AGE) is PASSWORD


def test_levels_are_ordered():
    assert NONE < PASSWORD < TWO_FACTOR


def test_s02_amr_of_each_level():
    assert [get_amr(level) for level in Strength] == [[], ["pwd"], ["pwd", "otp", "mfa"]]


def test_s02_auth_time_is_the_last_act():
    assert get_auth_time([password(9), otp(4)]) == otp(4).at
    assert get_auth_time([otp(9), password(4)]) == password(4).at
    assert get_auth_time([]) is None


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(0, None), (1, None), (4, None), (5, 1), (6, 2), (7, 4), (8, 8), (9, 15), (10, 15), (49, 15), (50, 15)],
)
def test_t12_the_wait_grows_to_a_quarter_of_an_hour(failures, minutes):
    expected = None if minutes is None else NOW + timedelta(minutes=minutes)
    assert compute_wait_end(failures, NOW) == expected


@given(st.integers(FREE_TRIES, 10_000))
def test_the_wait_never_shrinks(failures):
    assert NOW < compute_wait_end(failures, NOW) <= compute_wait_end(failures + 1, NOW)


@pytest.mark.parametrize(("failures", "closed"), [(0, False), (CEILING - 1, False), (CEILING, True), (99, True)])
def test_the_method_closes_at_fifty_failures_in_a_row(failures, closed):
    assert is_closed(failures) is closed
