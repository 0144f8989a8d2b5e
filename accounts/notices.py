"""Mails that tell an agent what was done with the account: queued with the act, sent by `manage.py db_worker`."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django_tasks import TaskContext, task

from accounts.models import Agent
from cerbere.core.retries import erase_arguments, next_attempt_at, requeue_abandoned

RETRY_AFTER = [timedelta(minutes=m) for m in (1, 10, 60, 360, 1440)]  # a relay may be down for a night; then given up
STALLED_AFTER = timedelta(hours=1)  # far beyond EMAIL_TIMEOUT: the worker died with the mail in hand
log = structlog.get_logger("accounts.notices")


def notify(agent: Agent, subject: str, template: str, **context: object) -> None:
    """Queue a mail to the agent, in the caller's transaction. A mail server that is down undoes and delays nothing."""
    if agent.email:
        context |= {"agent": agent, "at": timezone.localtime(), "support_contact": settings.SUPPORT_CONTACT}
        send.enqueue(subject, render_to_string(template, context), agent.email)


@task(takes_context=True)
def send(context: TaskContext, subject: str, body: str, address: str, attempt: int = 1) -> None:
    """Send one mail; a failure is tried again after RETRY_AFTER, a last one is given up.

    The log says what became of it, and its text and address leave the queue.
    """
    error = _error_of_sending(subject, body, address)
    with transaction.atomic():
        erase_arguments(context)
        if not error:
            log.info("notice_sent", attempt=attempt)
        elif run_after := next_attempt_at(RETRY_AFTER, attempt, timezone.now()):
            log.warning("notice_not_sent", attempt=attempt, error=error)
            send.using(run_after=run_after).enqueue(subject, body, address, attempt + 1)
        else:
            log.error("notice_given_up", attempt=attempt, error=error)


def _error_of_sending(subject: str, body: str, address: str) -> str:
    """Nothing when the relay took it; else the kind of fault, for a server's words may repeat the address."""
    try:
        send_mail(subject, body, None, [address])
    except (OSError, ValueError) as error:  # the latter for an address that no mail can have
        return type(error).__name__
    return ""


def send_stalled(now: datetime) -> None:
    """Queue again what a worker took and never finished."""
    requeue_abandoned(send, now - STALLED_AFTER)
