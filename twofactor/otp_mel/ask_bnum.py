"""Check a code where the Bnum keeps the secret: the Bnum answers, Cerbère counts the tries and burns the code."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Agent
from twofactor.codes import Outcome
from twofactor.otp_mel.first_lock import mail_first_lockout
from twofactor.otp_mel.models import OtpMelDevice, otp_mel_of
from twofactor.otp_mel.notice_change import notice_change
from twofactor.sources import DelegatedSource, SourceUnavailable, source


def answer_for_active(agent: Agent, code: str, sid: UUID | None, now: datetime) -> Outcome | None:
    """Ask the Bnum about a clean code for the active method; None when Cerbère checks it by the seed that it keeps.

    A source that verifies codes decides even where a seed is still kept from an earlier source: that seed would work
    for ever, whatever the agent renews. Call outside of any transaction. Raises SourceUnavailable.
    """
    device = otp_mel_of(agent)
    if device is None or not device.confirmed:
        return None
    if device.changed_at:
        return Outcome.SECRET_CHANGED
    if isinstance(source(), DelegatedSource):
        return ask_bnum(agent, code, sid, now)
    if device.sealed_seed:
        return None
    if notice_change(agent, now):  # the source gives secrets now: the agent confirms the one that will be kept
        return Outcome.SECRET_CHANGED
    raise SourceUnavailable("no source verifies this method")


def ask_bnum(agent: Agent, code: str, sid: UUID | None, now: datetime) -> Outcome:
    """Count a try, then ask the Bnum about the code. Raises SourceUnavailable, and the try is given back.

    The try is counted before the question, so that parallel ones cannot outrun the limit. A code that is GOOD is not
    burnt here: `burn_answered` does it, in the transaction of the act that the code allows.
    """
    with transaction.atomic():
        device = OtpMelDevice.locked_for(agent)
        refusal = device.reserve(code, sid, now)
        mail_first_lockout(device)
    if refusal:
        return refusal
    bnum = source()
    assert isinstance(bnum, DelegatedSource)
    try:
        return Outcome.GOOD if bnum.verify(agent.uid, code) else Outcome.WRONG
    except SourceUnavailable:
        with transaction.atomic():
            OtpMelDevice.locked_for(agent).give_back()
        raise
