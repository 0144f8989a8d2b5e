"""Back-channel logout: every application of a session that ends is told, without the agent waiting for it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import requests
import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone
from django_tasks import task

from accounts.models import Agent, AgentSession
from cerbere.core.deadlines import run_within
from cerbere.core.retries import next_attempt_at, requeue_abandoned
from cerbere.provider.keys import ring as keys
from cerbere.provider.models import Grant, LogoutNotice
from cerbere.provider.tokens.subjects import subject
from twofactor.otp_mel.remove_otp_mel import otp_mel_removed
from twofactor.strength import Strength

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIFETIME = timedelta(minutes=2)
TIMEOUT = (3, 3)  # seconds to connect, then for each byte
DEADLINE = 6  # seconds for the whole: one worker serves everybody
RETRY_AFTER = [timedelta(seconds=s) for s in (10, 60, 600, 3600)]  # then it is given up
STALLED_AFTER = timedelta(hours=2)  # far beyond DEADLINE: the worker died with the notice in hand
log = structlog.get_logger("cerbere.provider.logout.back_channel")


@receiver(pre_delete, sender=AgentSession)
def session_ends(instance: AgentSession, **_: Any) -> None:
    """However it ends: sign-out, logout by an application, an admin, a deactivated account, the purge."""
    if instance.agent_id is not None:
        _tell(Grant.objects.filter(session=instance))


@receiver(otp_mel_removed)
def level_falls(agent: Agent, **_: Any) -> None:
    """Applications that rely on two factors end their sessions; those that do not are left in peace."""
    _tell(Grant.objects.filter(agent=agent, session__isnull=False, strength__gte=Strength.TWO_FACTOR))


def _tell(grants: QuerySet[Grant]) -> None:
    """One notice for each application and session that got tokens, in the caller's transaction."""
    told = grants.filter(redeemed_at__isnull=False, client__enabled=True).exclude(client__backchannel_logout_uri="")
    seen: set[tuple[int, UUID]] = set()
    for grant in told.select_related("client", "agent"):
        assert grant.session_id is not None
        if (grant.client_id, grant.session_id) not in seen:
            seen.add((grant.client_id, grant.session_id))
            notice = LogoutNotice.objects.create(
                client=grant.client, agent=grant.agent, sid=grant.session_id, created_at=timezone.now()
            )
            send.enqueue(notice.pk)


@task()
def send(notice_id: int) -> None:
    """Deliver one notice; a failure is tried again after RETRY_AFTER, a last one is given up and stays visible."""
    notice = LogoutNotice.objects.select_related("client", "agent").filter(pk=notice_id, delivered_at=None).first()
    if notice is None:
        return
    now = timezone.now()
    notice.attempts, notice.last_error = notice.attempts + 1, _deliver(notice, now)
    notice.delivered_at = None if notice.last_error else now
    notice.save(update_fields=["attempts", "last_error", "delivered_at"])
    if notice.last_error:
        _try_again(notice, now)


def _deliver(notice: LogoutNotice, now: datetime) -> str:
    """Nothing when the application says 200 or 204 (OpenID Connect Back-Channel Logout §2.8), else what went wrong."""
    data = {"logout_token": logout_token(notice, now)}
    try:
        return run_within(DEADLINE, lambda: _post(notice.client.backchannel_logout_uri, data))
    except TimeoutError:  # it trickles its answer: each byte is in time, the whole is not
        return "too slow"


def _post(uri: str, data: dict[str, str]) -> str:
    try:
        answer = requests.post(uri, data=data, timeout=TIMEOUT, allow_redirects=False, stream=True)
        answer.close()
    except OSError as error:  # as all of requests' own, and what it says of authorities that it does not find
        return type(error).__name__
    return "" if answer.status_code in (200, 204) else f"status {answer.status_code}"


def _try_again(notice: LogoutNotice, now: datetime) -> None:
    if run_after := next_attempt_at(RETRY_AFTER, notice.attempts, now):
        send.using(run_after=run_after).enqueue(notice.pk)
    else:
        log.error("logout_notice_given_up", client_id=notice.client.client_id, error=notice.last_error)


def send_stalled(now: datetime) -> None:
    """Queue again what a worker took and never finished. Not what waits, however long."""
    requeue_abandoned(send, now - STALLED_AFTER)


def logout_token(notice: LogoutNotice, now: datetime) -> str:
    """OpenID Connect Back-Channel Logout §2.4; a new `jti` each time, so that a retry is not a replay."""
    claims = {
        "iss": settings.PUBLIC_URL,
        "sub": subject(notice.agent, notice.client),
        "aud": notice.client.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + TOKEN_LIFETIME).timestamp()),
        "jti": f"{notice.pk}-{notice.attempts}-{notice.sid}",
        "sid": str(notice.sid),
        "events": {EVENT: {}},
    }
    return keys.sign(claims, notice.client.id_token_alg, typ="logout+jwt")
