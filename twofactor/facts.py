"""The acts of authentication kept in a session as facts, and the strength computed from them."""

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
from twofactor.strength import Fact, Method, Strength, compute_strength

OTP_MEL = "otp_mel"  # session entry: {"device": uuid, "at": seconds since 1970}
METHOD_RELATIONS = ("otp_mel",)  # from an agent to the row of each method


def read_facts(session: Mapping[str, Any]) -> list[Fact]:
    """Return the acts of authentication that this session keeps."""
    facts = []
    if PASSWORD_AT in session:
        facts.append(Fact(Method.PASSWORD, _parse_timestamp(session[PASSWORD_AT])))
    if OTP_MEL in session:
        entry = session[OTP_MEL]
        facts.append(Fact(Method.OTP_MEL, _parse_timestamp(entry["at"]), entry["device"]))
    return facts


def _parse_timestamp(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def get_active_device_ids(agent: Agent) -> frozenset[str]:
    """Return the ids of the agent's active second factors, without a statement if AgentBackend read the agent."""
    devices = [getattr(agent, name, None) for name in METHOD_RELATIONS]
    return frozenset(str(device.uuid) for device in devices if device and device.confirmed)


def get_strength(request: HttpRequest, now: datetime | None = None) -> Strength:
    """Return the strength of this request's session, computed from its facts."""
    if not isinstance(request.user, Agent):
        return Strength.NONE
    return compute_strength(
        read_facts(request.session),
        get_active_device_ids(request.user), now or timezone.now(), settings.SECOND_FACTOR_MAX_AGE,
    )  # fmt: skip


def make_otp_mel_fact(device_uuid: uuid.UUID, now: datetime) -> dict[str, Any]:
    """Return the session entry for a code of this device accepted at `now`."""
    return {OTP_MEL: {"device": str(device_uuid), "at": now.timestamp()}}


def add_otp_mel_fact(request: HttpRequest, device_uuid: uuid.UUID, now: datetime) -> None:
    """Keep the fact in the session, change the session key and the CSRF token, and write the session at once.

    Call in the transaction that burns the code: a second sending of the same form waits for the row lock, and then
    finds the raised session.
    """
    request.session.update(make_otp_mel_fact(device_uuid, now))
    request.session.cycle_key()
    rotate_token(request)
