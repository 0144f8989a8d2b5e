"""What this session has proved, as facts kept in the session, and the level that follows."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone

from accounts.models import Agent
from accounts.sign_in.sign_in import PASSWORD_AT
from twofactor.strength import Fact, Method, Strength, strength_of

OTP_MEL = "otp_mel"  # session entry: {"device": uuid, "at": seconds since 1970}


def facts_of(session: Mapping[str, Any]) -> list[Fact]:
    facts = []
    if PASSWORD_AT in session:
        facts.append(Fact(Method.PASSWORD, _moment(session[PASSWORD_AT])))
    if OTP_MEL in session:
        entry = session[OTP_MEL]
        facts.append(Fact(Method.OTP_MEL, _moment(entry["at"]), entry["device"]))
    return facts


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def active_devices(agent: Agent) -> frozenset[str]:
    """Return the ids of the agent's active second factors. No statement when the agent was read by its backend."""
    devices = [getattr(agent, name, None) for name in settings.AGENT_RELATED]
    return frozenset(str(device.uuid) for device in devices if device and device.confirmed)


def strength(request: HttpRequest, now: datetime | None = None) -> Strength:
    """The level of this request's session, derived afresh."""
    if not isinstance(request.user, Agent):
        return Strength.NONE
    return strength_of(
        facts_of(request.session),
        active_devices(request.user), now or timezone.now(), settings.SECOND_FACTOR_MAX_AGE,
    )  # fmt: skip


def otp_mel_fact(device_uuid: uuid.UUID, now: datetime) -> dict[str, Any]:
    """The session's entry."""
    return {OTP_MEL: {"device": str(device_uuid), "at": now.timestamp()}}


def add_otp_mel_fact(request: HttpRequest, device_uuid: uuid.UUID, now: datetime) -> None:
    """Raise this session: keep the fact, change the session key and the CSRF token, write at once.

    Call in the transaction that burns the code: a second sending of the same form, which waits on the row
    lock, then finds the session as it ended.
    """
    request.session.update(otp_mel_fact(device_uuid, now))
    request.session.cycle_key()
    rotate_token(request)
