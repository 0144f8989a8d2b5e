"""Add « OTP Mél »: a code proves that the agent has the secret that the Bnum keeps."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from accounts.sessions.store import get_session
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome
from twofactor.facts import get_active_device_ids
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.verify import apply_outcome, judge_and_burn
from twofactor.otp_mel.verify_at_bnum import verify_at_bnum
from twofactor.sources import State, get_source


class AlreadyActive(Exception):
    """The method is active already."""


def add_otp_mel(
    request: HttpRequest, agent: Agent, code: str, now: datetime
) -> tuple[State, Outcome | None, OtpMelDevice | None]:
    """Check a clean code by the Bnum's secret, or have the Bnum check it, and activate the method if it is good.

    Return the state of the secret; the outcome and the device are None unless it is PRESENT. Raises SourceUnavailable,
    AlreadyActive.
    """
    state, seed = get_source().look_up(agent.uid)
    if state is not State.PRESENT:
        return state, None, None
    sid = get_session(request).sid
    answer = None if seed or get_active_device_ids(agent) else verify_at_bnum(agent, code, sid, now)
    with transaction.atomic():
        device = OtpMelDevice.lock_for_agent(agent)
        if device.confirmed:
            return state, _find_outcome_when_active(request, device, code, now), device
        if answer is None and seed is None:
            raise AlreadyActive  # it was when this request began, and has been removed meanwhile
        outcome = judge_and_burn(device, answer, code, sid, now, seed)
        if outcome is Outcome.GOOD:
            _activate(agent, device, seed, now)
        apply_outcome(request, agent, device, outcome, now)
    return state, outcome, device


def _find_outcome_when_active(request: HttpRequest, device: OtpMelDevice, code: str, now: datetime) -> Outcome:
    """Return REPEATED when the same form was sent twice; raise AlreadyActive when another tab added the method."""
    if not device.is_double_submit(code, get_session(request).sid, now):
        raise AlreadyActive
    apply_outcome(request, device.user, device, Outcome.REPEATED, now)
    return Outcome.REPEATED


def _activate(agent: Agent, device: OtpMelDevice, seed: bytes | None, now: datetime) -> None:
    device.set_seed(seed)
    device.confirm(now)
    record(Event.OTP_MEL_ADDED, agent)
    subject = _("Authentification à deux facteurs activée")
    notify(agent, subject, "twofactor/mails/otp_mel_added.txt")
