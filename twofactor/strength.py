"""How strongly a session is proved: computed from facts at each use, never stored. No Django here."""

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
    """An act of authentication: which method, by which device ("" for the password), when (UTC)."""

    method: Method
    at: datetime
    device: str = ""


def strength_of(
    facts: Iterable[Fact], active_devices: Collection[str], now: datetime, second_factor_max_age: timedelta
) -> Strength:
    """The level that these facts prove now.

    A second factor counts only on top of a password, while its device is still active, and for at most
    `second_factor_max_age`. A device that was removed and added again has another id: old facts stay dead.
    """
    facts = list(facts)
    if not any(fact.method is Method.PASSWORD for fact in facts):
        return Strength.NONE
    for fact in facts:
        recent = now - fact.at <= second_factor_max_age
        if fact.method is not Method.PASSWORD and recent and fact.device in active_devices:
            return Strength.TWO_FACTOR
    return Strength.PASSWORD


def auth_time(facts: Iterable[Fact]) -> datetime | None:
    """This session's last act of authentication (OpenID Connect Core §2); None without any."""
    return max((fact.at for fact in facts), default=None)


def amr(strength: Strength) -> list[str]:
    """Authentication Method Reference values (RFC 8176) of a level."""
    return {Strength.NONE: [], Strength.PASSWORD: ["pwd"], Strength.TWO_FACTOR: ["pwd", "otp", "mfa"]}[strength]
