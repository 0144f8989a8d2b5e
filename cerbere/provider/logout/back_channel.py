"""Notify applications of the sessions that end (OpenID Connect Back-Channel Logout), in background tasks.

Notices are sent by `requests`, and not by the client of the Bnum's sources (twofactor/sources/fetch.py), because the
two need opposite things. Applications may be anywhere, so that the proxies and the authorities that the operator names
in the environment (HTTPS_PROXY, REQUESTS_CA_BUNDLE) must count. A source is one machine with authorities of its own:
its client refuses proxies, and owns the connection so that `check_source` can report its steps.
"""

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
from cerbere.provider.keys import signing
from cerbere.provider.logout.models import LogoutNotice
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.subjects import compute_subject
from twofactor.otp_mel.remove_otp_mel import otp_mel_removed
from twofactor.strength import Strength

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIFETIME = timedelta(minutes=2)
TIMEOUT = (3, 3)  # seconds to connect, then for each byte
DEADLINE = 6  # seconds for the whole exchange: one worker serves all applications
RETRY_AFTER = [timedelta(seconds=s) for s in (10, 60, 600, 3600)]
STALLED_AFTER = timedelta(hours=2)  # far beyond DEADLINE: the worker died during the task
log = structlog.get_logger("cerbere.provider.logout.back_channel")


@receiver(pre_delete, sender=AgentSession)
def notify_of_ended_session(instance: AgentSession, **_: Any) -> None:
    """Notify the session's applications, however it ends: sign-out, an application, an administrator, the purge."""
    if instance.agent_id is not None:
        queue_logout_notices(Grant.objects.filter(session=instance))


@receiver(otp_mel_removed)
def notify_of_lost_level(agent: Agent, **_: Any) -> None:
    """Notify the applications that got two factors, which must end their sessions; the others keep theirs."""
    queue_logout_notices(Grant.objects.filter(agent=agent, session__isnull=False, strength__gte=Strength.TWO_FACTOR))


def queue_logout_notices(grants: QuerySet[Grant]) -> None:
    """Queue one notice for each application and session that got tokens, in the caller's transaction."""
    with_tokens = grants.filter(redeemed_at__isnull=False, client__enabled=True).exclude(
        client__backchannel_logout_uri=""
    )
    seen: set[tuple[int, UUID]] = set()
    for grant in with_tokens.select_related("client", "agent"):
        assert grant.session_id is not None
        if (grant.client_id, grant.session_id) not in seen:
            seen.add((grant.client_id, grant.session_id))
            notice = LogoutNotice.objects.create(
                client=grant.client, agent=grant.agent, sid=grant.session_id, created_at=timezone.now()
            )
            send_logout_notice.enqueue(notice.pk)


@task()
def send_logout_notice(notice_id: int) -> None:
    """Send one notice. One that fails is tried again after each wait of RETRY_AFTER, then given up; its row stays."""
    notice = LogoutNotice.objects.select_related("client", "agent").filter(pk=notice_id, delivered_at=None).first()
    if notice is None:
        return
    now = timezone.now()
    notice.attempts, notice.last_error = notice.attempts + 1, _try_to_deliver(notice, now)
    notice.delivered_at = None if notice.last_error else now
    notice.save(update_fields=["attempts", "last_error", "delivered_at"])
    if notice.last_error:
        _queue_next_attempt(notice, now)


def _try_to_deliver(notice: LogoutNotice, now: datetime) -> str:
    """Return an empty string when the application answers 200 or 204 (Back-Channel Logout §2.8), else the fault."""
    data = {"logout_token": make_logout_token(notice, now)}
    try:
        return run_within(DEADLINE, lambda: _post(notice.client.backchannel_logout_uri, data))
    except TimeoutError:  # each byte came in time, but not the whole response
        return "too slow"


def _post(uri: str, data: dict[str, str]) -> str:
    try:
        response = requests.post(uri, data=data, timeout=TIMEOUT, allow_redirects=False, stream=True)
        response.close()
    except OSError as error:  # also raised as such for a REQUESTS_CA_BUNDLE that does not exist
        return type(error).__name__
    return "" if response.status_code in (200, 204) else f"status {response.status_code}"


def _queue_next_attempt(notice: LogoutNotice, now: datetime) -> None:
    if run_after := next_attempt_at(RETRY_AFTER, notice.attempts, now):
        send_logout_notice.using(run_after=run_after).enqueue(notice.pk)
    else:
        log.error("logout_notice_given_up", client_id=notice.client.client_id, error=notice.last_error)


def requeue_stalled_logout_notices(now: datetime) -> None:
    """Queue again the notices that a worker took and never finished; those that wait are queued already."""
    requeue_abandoned(send_logout_notice, now - STALLED_AFTER)


def make_logout_token(notice: LogoutNotice, now: datetime) -> str:
    """Make the logout token (OpenID Connect Back-Channel Logout §2.4). Each attempt has a `jti` of its own."""
    claims = {
        "iss": settings.PUBLIC_URL,
        "sub": compute_subject(notice.agent, notice.client),
        "aud": notice.client.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + TOKEN_LIFETIME).timestamp()),
        "jti": f"{notice.pk}-{notice.attempts}-{notice.sid}",
        "sid": str(notice.sid),
        "events": {EVENT: {}},
    }
    return signing.sign_token(claims, notice.client.id_token_alg, typ="logout+jwt")
