"""Verify a code at the Bnum, which keeps the secret; Cerbère counts the tries and burns the code."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Agent
from twofactor.codes import Outcome
from twofactor.otp_mel.detect_change import detect_change
from twofactor.otp_mel.first_lock import mail_first_lockout
from twofactor.otp_mel.models import OtpMelDevice, get_otp_mel
from twofactor.sources import DelegatedSource, SourceUnavailable, get_source


def verify_active_at_bnum(agent: Agent, code: str, sid: UUID | None, now: datetime) -> Outcome | None:
    """Verify a clean code for the active method at the Bnum; return None if Cerbère is to check it by its own seed.

    A source that verifies codes is asked even if a seed from an earlier source is still kept here: that seed would
    work for ever, also after the agent has renewed it. Call outside of any transaction. Raises SourceUnavailable.
    """
    device = get_otp_mel(agent)
    if device is None or not device.confirmed:
        return None
    if device.changed_at:
        return Outcome.SECRET_CHANGED
    if isinstance(get_source(), DelegatedSource):
        return verify_at_bnum(agent, code, sid, now)
    if device.sealed_seed:
        return None
    if detect_change(agent, now):  # the source gives secrets now: the agent must confirm the one to keep
        return Outcome.SECRET_CHANGED
    raise SourceUnavailable("no source verifies this method")


def verify_at_bnum(agent: Agent, code: str, sid: UUID | None, now: datetime) -> Outcome:
    """Count a try, then ask the Bnum whether the code is right. Raises SourceUnavailable, with the try not counted.

    The try is counted before the Bnum is asked, so that parallel tries cannot exceed the limit. A GOOD code is not
    burnt here: `burn_accepted_code` does it, in the transaction of the act that the code allows.
    """
    with transaction.atomic():
        device = OtpMelDevice.lock_for_agent(agent)
        refusal = device.reserve_try(code, sid, now)
        mail_first_lockout(device)
    if refusal:
        return refusal
    bnum = get_source()
    assert isinstance(bnum, DelegatedSource)
    try:
        return Outcome.GOOD if bnum.verify(agent.uid, code) else Outcome.WRONG
    except SourceUnavailable:
        with transaction.atomic():
            OtpMelDevice.lock_for_agent(agent).return_try()
        raise
