"""The act of removing « OTP Mél », by the agent with a fresh code or by an admin with a reason."""

from datetime import datetime

from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from accounts.sessions.store import session_of
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome
from twofactor.otp_mel.ask_bnum import answer_for_active
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.verify import after_refusal, apply_outcome, burn


def remove_otp_mel(request: HttpRequest, agent: Agent, code: str, now: datetime) -> tuple[Outcome, OtpMelDevice]:
    """Remove the method on a fresh code. Every session of the agent falls to the password at once.

    Raises OtpMelDevice.DoesNotExist when it is not active, SourceUnavailable where the Bnum checks the codes.
    """
    sid = session_of(request).sid
    answer = answer_for_active(agent, code, sid, now)
    answer = Outcome.ALREADY_USED if answer is Outcome.REPEATED else answer  # it has done another act
    with transaction.atomic():
        device = OtpMelDevice.active_locked(agent.pk)
        if device is None:
            raise OtpMelDevice.DoesNotExist
        outcome = burn(device, answer, code, sid, now)
        apply_outcome(request, agent, device, outcome, now)
        if outcome is Outcome.GOOD:
            _remove(device, Event.OTP_MEL_REMOVED)
    return after_refusal(agent, outcome, code, now), device


def remove_otp_mel_as_admin(device: OtpMelDevice, admin: Agent, reason: str) -> None:
    """Nothing happens when the method has been removed meanwhile."""
    with transaction.atomic():
        locked = OtpMelDevice.objects.select_for_update().filter(pk=device.pk, confirmed=True).first()
        if locked:
            _remove(locked, Event.OTP_MEL_REMOVED_BY_ADMIN, admin, reason)


otp_mel_removed = Signal()  # agent: whose method was removed; sent in the transaction that removes it


def _remove(device: OtpMelDevice, event: Event, admin: Agent | None = None, reason: str = "") -> None:
    device.remove()
    otp_mel_removed.send(sender=OtpMelDevice, agent=device.user)
    record(event, device.user, actor=admin, reason=reason)
    context = {"by_admin": admin is not None, "reason": reason}
    notify(device.user, _("Méthode à deux facteurs retirée"), "twofactor/mails/otp_mel_removed.txt", **context)
