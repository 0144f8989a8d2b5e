"""The act of proving the second factor that is already active."""

from datetime import datetime
from uuid import UUID

from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction
from django.http import HttpRequest

from accounts.models import Agent, AgentSession
from accounts.sessions.store import find_rotated_moments_ago, rejoin, session_of
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome
from twofactor.facts import add_otp_mel_fact
from twofactor.otp_mel.ask_bnum import answer_for_active
from twofactor.otp_mel.first_lock import mail_first_lockout
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.notice_change import notice_change


def verify(request: HttpRequest, agent: Agent, code: str, now: datetime) -> tuple[Outcome, OtpMelDevice]:
    """Burn a clean code and raise this session to two factors, in one transaction.

    Raises OtpMelDevice.DoesNotExist when the method is not active (any more), SourceUnavailable where the Bnum
    checks the codes.
    """
    sid = session_of(request).sid
    answer = answer_for_active(agent, code, sid, now)
    with transaction.atomic():
        device = OtpMelDevice.active_locked(agent.pk)
        if device is None:
            raise OtpMelDevice.DoesNotExist
        repeated = answer is not Outcome.GOOD and device.is_repeat(code, sid, now)
        outcome = Outcome.REPEATED if repeated else burn(device, answer, code, sid, now)
        apply_outcome(request, agent, device, outcome, now)
    return after_refusal(agent, outcome, code, now), device


def burn(
    device: OtpMelDevice, answer: Outcome | None, code: str, sid: UUID | None, now: datetime, seed: bytes | None = None
) -> Outcome:
    """Burn a clean code on the locked row: as the Bnum has answered, else by `seed` or the one that is kept."""
    if answer is None:
        return device.check_and_burn(code, sid, now, seed)
    return device.burn_answered(code, sid, now) if answer is Outcome.GOOD else answer


def after_refusal(agent: Agent, outcome: Outcome, code: str, now: datetime) -> Outcome:
    """A wrong code may be right for the secret that the Bnum has now. Call outside of the transaction."""
    wrong = outcome in (Outcome.WRONG, Outcome.CLOCK_OUT_OF_STEP)
    return Outcome.SECRET_CHANGED if wrong and notice_change(agent, now, code) else outcome


def apply_outcome(request: HttpRequest, agent: Agent, device: OtpMelDevice, outcome: Outcome, now: datetime) -> None:
    """What every outcome leaves behind: the raised session, or a line in the journal and a mail at the first lock."""
    if outcome is Outcome.GOOD:
        add_otp_mel_fact(request, device.uuid, now)
        record(Event.SECOND_FACTOR_ACCEPTED, agent, method=device.name)
    elif outcome is Outcome.REPEATED:
        assert device.last_sid is not None
        _rejoin(request, AgentSession.objects.filter(sid=device.last_sid).first())
    else:
        record(Event.SECOND_FACTOR_REFUSED, agent, method=device.name, reason=outcome)
        mail_first_lockout(device)


def rejoin_after_double_submit(request: HttpRequest, code: str | None, now: datetime) -> bool:
    """Continue the session whose key has just changed under a form that was sent twice.

    The first answer, with the new session cookie, may never have reached the browser. Whoever holds the
    previous key and the very code that was burnt seconds ago is that browser. Grants nothing else; another
    code counts as wrong, or a thief of the previous key could guess without limit.
    """
    row = find_rotated_moments_ago(request, now)
    if row is None or code is None:
        return False
    with transaction.atomic():
        device = OtpMelDevice.active_locked(row.agent_id)
        if device is None or not device.has_just_burnt(row.sid, now):
            return False
        repeated: bool = device.is_repeat(code, row.sid, now)
        if not repeated:
            device.refuse(Outcome.WRONG, now)
            device.save()
        apply_outcome(request, device.user, device, Outcome.REPEATED if repeated else Outcome.WRONG, now)
    return repeated


def _rejoin(request: HttpRequest, row: AgentSession | None) -> None:
    """Make the request that session's and its agent's from here on. Raises SessionInterrupted if it has just ended."""
    if row is None or row.agent is None:
        raise SessionInterrupted("it ended meanwhile")
    rejoin(request, row)
    request.user = row.agent
