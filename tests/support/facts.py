"""Facts about a session at people.NOW."""

from datetime import timedelta

from tests.support.people import NOW
from twofactor.strength import Fact, Method

DEVICE = "d1"


def password(minutes_ago: int = 0) -> Fact:
    return Fact(Method.PASSWORD, NOW - timedelta(minutes=minutes_ago))


def otp(minutes_ago: int = 0, device: str = DEVICE) -> Fact:
    return Fact(Method.OTP_MEL, NOW - timedelta(minutes=minutes_ago), device)
