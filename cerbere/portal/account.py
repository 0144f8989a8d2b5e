"""Gather what the page « Mon compte » shows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Agent, AgentSession
from accounts.sessions.store import get_session
from twofactor.facts import get_strength
from twofactor.obligation import get_required_strength
from twofactor.otp_mel.models import get_otp_mel
from twofactor.sources import SourceUnavailable, State, get_source
from twofactor.strength import Strength


@dataclass(frozen=True)
class OtpMelState:
    """The state of the method OTP Mél: active, changed (to be confirmed), available, or why it cannot be added."""

    state: str
    added_at: datetime | None = None
    last_used_at: datetime | None = None


def make_account_context(request: HttpRequest, agent: Agent) -> dict[str, Any]:
    now = timezone.now()
    rows = AgentSession.filter_alive(now).filter(agent=agent).order_by("-last_seen_at")
    return {
        "otp_mel": get_otp_mel_state(agent),
        "strength": get_strength(request, now).name.lower(),
        "two_factor_due_at": agent.two_factor_due_at,
        "two_factor_overdue": get_required_strength(agent, now) is Strength.TWO_FACTOR,
        "sessions": [_make_session_entry(request, row) for row in rows],
    }


def get_otp_mel_state(agent: Agent) -> OtpMelState:
    device = get_otp_mel(agent)
    if device and device.confirmed:
        return OtpMelState("changed" if device.changed_at else "active", device.confirmed_at, device.last_used_at)
    try:
        state, _seed = get_source().look_up(agent.uid)
    except SourceUnavailable:
        return OtpMelState("unavailable")
    return OtpMelState("available" if state is State.PRESENT else state)


def _make_session_entry(request: HttpRequest, row: AgentSession) -> dict[str, Any]:
    return {
        "sid": row.sid,
        "current": row.sid == get_session(request).sid,
        "user_agent": row.user_agent,
        "address": row.address,
        "created_at": row.created_at,
        "last_seen_at": row.last_seen_at,
    }
