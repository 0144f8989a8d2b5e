"""Verify a code of the active method, and raise the session to two factors."""

from datetime import datetime
from uuid import UUID

from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction
from django.http import HttpRequest

from accounts.models import Agent, AgentSession
from accounts.sessions.store import continue_session, find_session_just_rotated, get_session
from cerbere.audit.events import Event
from cerbere.audit.record import record
from twofactor.codes import Outcome
from twofactor.facts import add_otp_mel_fact
from twofactor.otp_mel.detect_change import detect_change
from twofactor.otp_mel.first_lock import mail_first_lockout
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.verify_at_bnum import verify_active_at_bnum


def verify(request: HttpRequest, agent: Agent, code: str, now: datetime) -> tuple[Outcome, OtpMelDevice]:
    """Burn a clean code and raise this session to two factors, in one transaction.

    Raises OtpMelDevice.DoesNotExist when the method is not active, SourceUnavailable where the Bnum
    checks the codes.
    """
    sid = get_session(request).sid
    answer = verify_active_at_bnum(agent, code, sid, now)
    with transaction.atomic():
        device = OtpMelDevice.lock_active(agent.pk)
        if device is None:
            raise OtpMelDevice.DoesNotExist
        repeated = answer is not Outcome.GOOD and device.is_double_submit(code, sid, now)
        outcome = Outcome.REPEATED if repeated else judge_and_burn(device, answer, code, sid, now)
        apply_outcome(request, agent, device, outcome, now)
    return detect_change_after_refusal(agent, outcome, code, now), device


def judge_and_burn(
    device: OtpMelDevice, answer: Outcome | None, code: str, sid: UUID | None, now: datetime, seed: bytes | None = None
) -> Outcome:
    """Judge a clean code on the locked row, by the Bnum's `answer` if any, else by `seed` or the stored one."""
    if answer is None:
        return device.check_and_burn(code, sid, now, seed)
    return device.burn_accepted_code(code, sid, now) if answer is Outcome.GOOD else answer


def detect_change_after_refusal(agent: Agent, outcome: Outcome, code: str, now: datetime) -> Outcome:
    """Return SECRET_CHANGED for a wrong code if the Bnum has another secret now, else the outcome as it is.

    Call outside of the transaction.
    """
    wrong = outcome in (Outcome.WRONG, Outcome.CLOCK_OUT_OF_STEP)
    return Outcome.SECRET_CHANGED if wrong and detect_change(agent, now, code) else outcome


def apply_outcome(request: HttpRequest, agent: Agent, device: OtpMelDevice, outcome: Outcome, now: datetime) -> None:
    """Raise the session for a good code; record a refused one in the audit log, with an e-mail at the first lock."""
    if outcome is Outcome.GOOD:
        add_otp_mel_fact(request, device.uuid, now)
        record(Event.SECOND_FACTOR_ACCEPTED, agent, method=device.name)
    elif outcome is Outcome.REPEATED:
        assert device.last_sid is not None
        _continue_last_session(request, AgentSession.objects.filter(sid=device.last_sid).first())
    else:
        record(Event.SECOND_FACTOR_REFUSED, agent, method=device.name, reason=outcome)
        mail_first_lockout(device)


def continue_after_double_submit(request: HttpRequest, code: str | None, now: datetime) -> bool:
    """Continue the session whose key has just changed, if the same form was sent twice; tell whether it was.

    The first response, with the new session cookie, may never have reached the browser. The previous key together
    with the code that was burnt seconds ago identify that browser. Nothing else is granted; another code counts as
    wrong, because a thief of the previous key could guess without limit otherwise.
    """
    row = find_session_just_rotated(request, now)
    if row is None or code is None:
        return False
    with transaction.atomic():
        device = OtpMelDevice.lock_active(row.agent_id)
        if device is None or not device.has_just_burnt(row.sid, now):
            return False
        repeated: bool = device.is_double_submit(code, row.sid, now)
        if not repeated:
            device.note_refusal(Outcome.WRONG, now)
            device.save()
        apply_outcome(request, device.user, device, Outcome.REPEATED if repeated else Outcome.WRONG, now)
    return repeated


def _continue_last_session(request: HttpRequest, row: AgentSession | None) -> None:
    """Attach the request to this session and its agent. Raises SessionInterrupted if the session has just ended."""
    if row is None or row.agent is None:
        raise SessionInterrupted("it ended meanwhile")
    continue_session(request, row)
    request.user = row.agent
