"""E-mails to agents about changes of their account: queued with the change, sent by `manage.py db_worker`."""

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

RETRY_AFTER = [timedelta(minutes=m) for m in (1, 10, 60, 360, 1440)]  # a relay may be down for a night
STALLED_AFTER = timedelta(hours=1)  # far beyond EMAIL_TIMEOUT: the worker must have died while sending
log = structlog.get_logger("accounts.notices")


def notify(agent: Agent, subject: str, template: str, **context: object) -> None:
    """Queue an e-mail to the agent in the caller's transaction, which so never depends on the mail relay."""
    if agent.email:
        context |= {"agent": agent, "at": timezone.localtime(), "support_contact": settings.SUPPORT_CONTACT}
        send_notice.enqueue(subject, render_to_string(template, context), agent.email)


@task(takes_context=True)
def send_notice(context: TaskContext, subject: str, body: str, recipient: str, attempt: int = 1) -> None:
    """Send one e-mail; retry a failed one after each wait of RETRY_AFTER, then give up.

    The log names the result. The text and the recipient are erased from the queue.
    """
    error = _try_to_send(subject, body, recipient)
    with transaction.atomic():
        erase_arguments(context)
        if not error:
            log.info("notice_sent", attempt=attempt)
        elif run_after := next_attempt_at(RETRY_AFTER, attempt, timezone.now()):
            log.warning("notice_not_sent", attempt=attempt, error=error)
            send_notice.using(run_after=run_after).enqueue(subject, body, recipient, attempt + 1)
        else:
            log.error("notice_given_up", attempt=attempt, error=error)


def _try_to_send(subject: str, body: str, recipient: str) -> str:
    """Return "" if the relay took the e-mail, else the exception's class name: its message may quote the recipient."""
    try:
        send_mail(subject, body, None, [recipient])
    except (OSError, ValueError) as error:  # ValueError: the recipient is no valid address
        return type(error).__name__
    return ""


def requeue_stalled_notices(now: datetime) -> None:
    """Queue again the e-mails that a worker took and never finished."""
    requeue_abandoned(send_notice, now - STALLED_AFTER)
