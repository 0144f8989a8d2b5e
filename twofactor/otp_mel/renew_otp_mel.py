"""The act of confirming the Bnum's new secret: the password, and a code that this secret gives."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from accounts.refusals import Reason, Refused
from accounts.sessions.store import session_of
from accounts.sign_in.prove_password import prove_password
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome
from twofactor.otp_mel.ask_bnum import ask_bnum
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.remove_otp_mel import otp_mel_removed
from twofactor.otp_mel.verify import apply_outcome, burn
from twofactor.sources import State, source


class NothingToRenew(Exception):
    """The method is not active, or its secret is the Bnum's: renewed in another tab, or restored meanwhile."""


def renew_otp_mel(
    request: HttpRequest, agent: Agent, password: str, code: str, now: datetime
) -> Refused | State | tuple[Outcome, OtpMelDevice]:
    """Check the password, fetch the new secret, check a clean code against it, and keep it: all or nothing.

    A Refused password or a State without a secret leave the code unexamined. A refused code leaves the old
    secret in place, and as dead as it was. Raises SourceUnavailable, NothingToRenew.
    """
    if refused := _why_not(request, agent, password, now):
        record(Event.SECOND_FACTOR_REFUSED, agent, reason=refused.reason, method="password")
        return refused
    state, seed = source().look_up(agent.uid)
    if state is not State.PRESENT:
        return state
    sid = session_of(request).sid
    answer = None if seed else ask_bnum(agent, code, sid, now)
    with transaction.atomic():
        device = OtpMelDevice.active_locked(agent.pk)
        if device is None or device.changed_at is None:
            return _outcome_when_renewed(request, device, code, now)
        outcome = burn(device, answer, code, sid, now, seed)
        if outcome is Outcome.GOOD:
            _renew(agent, device, seed, now)
        apply_outcome(request, agent, device, outcome, now)
    return outcome, device


def _outcome_when_renewed(
    request: HttpRequest, device: OtpMelDevice | None, code: str, now: datetime
) -> tuple[Outcome, OtpMelDevice]:
    """The same form sent twice ends like the first time."""
    if device is None or not device.is_repeat(code, session_of(request).sid, now):
        raise NothingToRenew
    apply_outcome(request, device.user, device, Outcome.REPEATED, now)
    return Outcome.REPEATED, device


def _why_not(request: HttpRequest, agent: Agent, password: str, now: datetime) -> Refused | None:
    """Somebody else may have the name by now (a directory gives it again)."""
    proved = prove_password(request, agent, agent.uid, password, now)
    if isinstance(proved, Refused):
        return proved
    return None if proved.pk == agent.pk else Refused(Reason.WRONG_PASSWORD)


def _renew(agent: Agent, device: OtpMelDevice, seed: bytes | None, now: datetime) -> None:
    """Whatever rests on the old secret, perhaps a lost phone's, ends: levels of other sessions, and applications."""
    device.take_seed(seed)
    device.confirm(now)
    otp_mel_removed.send(sender=OtpMelDevice, agent=agent)
    record(Event.OTP_MEL_RENEWED, agent)
    notify(
        agent, _("Authentification à deux facteurs : configuration confirmée"), "twofactor/mails/otp_mel_renewed.txt"
    )
