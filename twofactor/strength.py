"""The strength of a session, computed from facts at each use and never stored. No Django here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum


class Method(StrEnum):
    PASSWORD = "password"
    OTP_MEL = "otp_mel"


class Strength(IntEnum):
    NONE = 0
    PASSWORD = 1
    TWO_FACTOR = 2


@dataclass(frozen=True)
class Fact:
    """An act of authentication: its method, its device ("" for the password), its time (UTC)."""

    method: Method
    at: datetime
    device: str = ""


def compute_strength(
    facts: Iterable[Fact], active_devices: Collection[str], now: datetime, second_factor_max_age: timedelta
) -> Strength:
    """Return the strength that these facts prove at `now`.

    A second factor counts only beside a password, while its device is active, and for at most
    `second_factor_max_age`. A device that was removed and added again has another id, so that old facts never count.
    """
    facts = list(facts)
    if not any(fact.method is Method.PASSWORD for fact in facts):
        return Strength.NONE
    for fact in facts:
        recent = now - fact.at <= second_factor_max_age
        if fact.method is not Method.PASSWORD and recent and fact.device in active_devices:
            return Strength.TWO_FACTOR
    return Strength.PASSWORD


def get_auth_time(facts: Iterable[Fact]) -> datetime | None:
    """Return the time of the last act of authentication (OpenID Connect Core §2), None without any."""
    return max((fact.at for fact in facts), default=None)


def get_amr(strength: Strength) -> list[str]:
    """Return the Authentication Method Reference values (RFC 8176) of a strength."""
    return {Strength.NONE: [], Strength.PASSWORD: ["pwd"], Strength.TWO_FACTOR: ["pwd", "otp", "mfa"]}[strength]
