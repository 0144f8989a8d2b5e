"""Confirm the Bnum's new secret with the password and a code of that secret."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from accounts.refusals import PasswordRefusal, Reason
from accounts.sessions.store import get_session
from accounts.sign_in.verify_password import verify_password
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.remove_otp_mel import otp_mel_removed
from twofactor.otp_mel.verify import apply_outcome, judge_and_burn
from twofactor.otp_mel.verify_at_bnum import verify_at_bnum
from twofactor.sources import State, get_source


class NothingToRenew(Exception):
    """The method is not active, or its secret is the Bnum's: another tab has renewed it, or the Bnum restored it."""


def renew_otp_mel(
    request: HttpRequest, agent: Agent, password: str, code: str, now: datetime
) -> PasswordRefusal | State | tuple[Outcome, OtpMelDevice]:
    """Verify the password, fetch the new secret, check a clean code by it, and keep the secret if the code is good.

    Return a PasswordRefusal, the State of a secret that is not PRESENT, or the outcome of the code. After a refused
    code the old secret stays marked as changed. Raises SourceUnavailable, NothingToRenew.
    """
    if refusal := _refuse_password(request, agent, password, now):
        record(Event.SECOND_FACTOR_REFUSED, agent, reason=refusal.reason, method="password")
        return refusal
    state, seed = get_source().look_up(agent.uid)
    if state is not State.PRESENT:
        return state
    sid = get_session(request).sid
    answer = None if seed else verify_at_bnum(agent, code, sid, now)
    with transaction.atomic():
        device = OtpMelDevice.lock_active(agent.pk)
        if device is None or device.changed_at is None:
            return _find_outcome_when_renewed(request, device, code, now)
        outcome = judge_and_burn(device, answer, code, sid, now, seed)
        if outcome is Outcome.GOOD:
            _renew(agent, device, seed, now)
        apply_outcome(request, agent, device, outcome, now)
    return outcome, device


def _find_outcome_when_renewed(
    request: HttpRequest, device: OtpMelDevice | None, code: str, now: datetime
) -> tuple[Outcome, OtpMelDevice]:
    """Return REPEATED when the same form was sent twice; raise NothingToRenew otherwise."""
    if device is None or not device.is_double_submit(code, get_session(request).sid, now):
        raise NothingToRenew
    apply_outcome(request, device.user, device, Outcome.REPEATED, now)
    return Outcome.REPEATED, device


def _refuse_password(request: HttpRequest, agent: Agent, password: str, now: datetime) -> PasswordRefusal | None:
    """Return the refusal of the password, or None if it is this agent's.

    A directory may have given the agent's uid to another person meanwhile: then that person's password is right.
    """
    result = verify_password(request, agent, agent.uid, password, now)
    if isinstance(result, PasswordRefusal):
        return result
    return None if result.pk == agent.pk else PasswordRefusal(Reason.WRONG_PASSWORD)


def _renew(agent: Agent, device: OtpMelDevice, seed: bytes | None, now: datetime) -> None:
    """Replace the secret; end the second factor of other sessions, and the tokens that rest on the old secret."""
    device.set_seed(seed)
    device.confirm(now)
    otp_mel_removed.send(sender=OtpMelDevice, agent=agent)
    record(Event.OTP_MEL_RENEWED, agent)
    notify(
        agent, _("Authentification à deux facteurs : configuration confirmée"), "twofactor/mails/otp_mel_renewed.txt"
    )
