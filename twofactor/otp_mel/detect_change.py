"""Detect that the Bnum has another secret than the one that the agent confirmed here, or none any more."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome, judge_code
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.sources import SourceUnavailable, State, get_source


def has_changed(device: OtpMelDevice, state: State, seed: bytes | None) -> bool:
    """Tell whether the source's answer differs from the secret that the agent confirmed. A locked secret differs."""
    return state is not State.PRESENT or (seed is not None and not device.has_seed(seed))


def detect_change(agent: Agent, now: datetime, code: str = "") -> bool:
    """Look the secret up on the Bnum, mark the method if it has changed, and tell whether it has.

    The try of a refused code is taken back only if the code is right for the new secret: otherwise an attacker who
    can make the Bnum's answer change could guess without limit. False if the source does not answer.
    """
    try:
        state, seed = get_source().look_up(agent.uid)
    except SourceUnavailable:
        return False
    with transaction.atomic():
        device = OtpMelDevice.lock_active(agent.pk)
        if device is None or not has_changed(device, state, seed):
            return False
        if code and seed is not None and judge_code(seed, code, now, settings.OTP_TOLERANCE, -1)[0] is Outcome.GOOD:
            device.return_try()
        mark_changed(device, now)
    return True


def mark_changed(device: OtpMelDevice, now: datetime) -> None:
    """Mark the method as changed, with an audit event and an e-mail, unless it is marked already.

    Sessions at two factors stay so; the next code needs the new secret.
    """
    if device.changed_at:
        return
    device.mark_changed(now)
    record(Event.OTP_MEL_CHANGED, device.user)
    notify(device.user, _("Votre configuration Bnum a changé"), "twofactor/mails/otp_mel_changed.txt")


def unmark_changed(device: OtpMelDevice) -> None:
    """Remove the mark: the Bnum has the confirmed secret again, so that the agent need not confirm any."""
    device.unmark_changed()
    record(Event.OTP_MEL_UNCHANGED, device.user)
