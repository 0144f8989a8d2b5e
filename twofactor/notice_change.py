"""Noticing that the Bnum holds another secret than the one that the agent confirmed here, or none any more."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.models import OtpMelDevice
from twofactor.sources import SourceUnavailable, State, source


def has_changed(device: OtpMelDevice, state: State, seed: bytes | None) -> bool:
    """Whether the source's answer is not what the agent confirmed. A locked secret counts: somebody locked it."""
    return state is not State.PRESENT or (seed is not None and not device.holds(seed))


def notice_change(agent: Agent, now: datetime) -> bool:
    """After a refused code: look on the Bnum, mark the method if the secret has changed, give the try back.

    A source that does not answer tells nothing: False.
    """
    try:
        state, seed = source().look_up(agent.uid)
    except SourceUnavailable:
        return False
    with transaction.atomic():
        device = OtpMelDevice.objects.select_for_update().filter(user=agent, confirmed=True).first()
        if device is None or not has_changed(device, state, seed):
            return False
        device.give_back()
        mark_changed(device, state, now)
    return True


def mark_changed(device: OtpMelDevice, state: State, now: datetime) -> None:
    """Once: journal and mail. Sessions that are at two factors stay so, the next login needs the new secret."""
    if device.changed_at:
        return
    device.mark_changed(now)
    record(Event.OTP_MEL_CHANGED, device.user, state=state)
    notify(device.user, _("Votre configuration Bnum a changé"), "twofactor/mails/otp_mel_changed.txt")


def unmark_changed(device: OtpMelDevice) -> None:
    """The Bnum has the confirmed secret again: a mistake there is mended, nothing is asked of the agent."""
    device.unmark_changed()
    record(Event.OTP_MEL_UNCHANGED, device.user)
