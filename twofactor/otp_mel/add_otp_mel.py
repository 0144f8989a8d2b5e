"""The act of adding « OTP Mél »: a code proves the secret that the agent already shares with the Bnum."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from accounts.sessions.store import session_of
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome
from twofactor.facts import active_devices
from twofactor.otp_mel.ask_bnum import ask_bnum
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.verify import apply_outcome, burn
from twofactor.sources import State, source


class AlreadyActive(Exception):
    """The method is active already: nothing to add."""


def add_otp_mel(
    request: HttpRequest, agent: Agent, code: str, now: datetime
) -> tuple[State, Outcome | None, OtpMelDevice | None]:
    """Check a clean code against the Bnum's secret, or have the Bnum check it, and activate: all or nothing.

    The outcome is None unless the state is PRESENT. Raises SourceUnavailable, AlreadyActive.
    """
    state, seed = source().look_up(agent.uid)
    if state is not State.PRESENT:
        return state, None, None
    sid = session_of(request).sid
    answer = None if seed or active_devices(agent) else ask_bnum(agent, code, sid, now)
    with transaction.atomic():
        device = OtpMelDevice.locked_for(agent)
        if device.confirmed:
            return state, _outcome_when_active(request, device, code, now), device
        if answer is None and seed is None:
            raise AlreadyActive  # it was when this request came, and has been removed meanwhile
        outcome = burn(device, answer, code, sid, now, seed)
        if outcome is Outcome.GOOD:
            _activate(agent, device, seed, now)
        apply_outcome(request, agent, device, outcome, now)
    return state, outcome, device


def _outcome_when_active(request: HttpRequest, device: OtpMelDevice, code: str, now: datetime) -> Outcome:
    """Another tab has added the method meanwhile; the same form sent twice ends like the first time."""
    if not device.is_repeat(code, session_of(request).sid, now):
        raise AlreadyActive
    apply_outcome(request, device.user, device, Outcome.REPEATED, now)
    return Outcome.REPEATED


def _activate(agent: Agent, device: OtpMelDevice, seed: bytes | None, now: datetime) -> None:
    device.take_seed(seed)
    device.confirm(now)
    record(Event.OTP_MEL_ADDED, agent)
    subject = _("Authentification à deux facteurs activée")
    notify(agent, subject, "twofactor/mails/otp_mel_added.txt")
