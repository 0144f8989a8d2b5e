"""Remove « OTP Mél »: the agent with a fresh code, or an administrator with a reason."""

from datetime import datetime

from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from accounts.sessions.store import get_session
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.verify import apply_outcome, detect_change_after_refusal, judge_and_burn
from twofactor.otp_mel.verify_at_bnum import verify_active_at_bnum


def remove_otp_mel(request: HttpRequest, agent: Agent, code: str, now: datetime) -> tuple[Outcome, OtpMelDevice]:
    """Check a fresh code and remove the method. Every session of the agent falls to the strength of a password.

    Raises OtpMelDevice.DoesNotExist when the method is not active, SourceUnavailable where the Bnum checks the codes.
    """
    sid = get_session(request).sid
    answer = verify_active_at_bnum(agent, code, sid, now)
    answer = Outcome.ALREADY_USED if answer is Outcome.REPEATED else answer  # the code has done another act already
    with transaction.atomic():
        device = OtpMelDevice.lock_active(agent.pk)
        if device is None:
            raise OtpMelDevice.DoesNotExist
        outcome = judge_and_burn(device, answer, code, sid, now)
        apply_outcome(request, agent, device, outcome, now)
        if outcome is Outcome.GOOD:
            _remove(device, Event.OTP_MEL_REMOVED)
    return detect_change_after_refusal(agent, outcome, code, now), device


def remove_otp_mel_as_admin(device: OtpMelDevice, admin: Agent, reason: str) -> None:
    """Remove the method, unless it has been removed meanwhile."""
    with transaction.atomic():
        locked = OtpMelDevice.objects.select_for_update().filter(pk=device.pk, confirmed=True).first()
        if locked:
            _remove(locked, Event.OTP_MEL_REMOVED_BY_ADMIN, admin, reason)


otp_mel_removed = Signal()  # with `agent`, in the transaction that removes the method


def _remove(device: OtpMelDevice, event: Event, admin: Agent | None = None, reason: str = "") -> None:
    device.remove()
    otp_mel_removed.send(sender=OtpMelDevice, agent=device.user)
    record(event, device.user, actor=admin, reason=reason)
    context = {"by_admin": admin is not None, "reason": reason}
    notify(device.user, _("Méthode à deux facteurs retirée"), "twofactor/mails/otp_mel_removed.txt", **context)
