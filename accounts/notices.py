"""Mails that tell an agent what was done with the account: queued with the act, sent by `manage.py db_worker`."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django_tasks import TaskContext, TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from accounts.models import Agent

RETRY_AFTER = [timedelta(minutes=m) for m in (1, 10, 60, 360, 1440)]  # a relay may be down for a night; then given up
STALLED_AFTER = timedelta(hours=1)  # far beyond EMAIL_TIMEOUT: the worker died with the mail in hand
NOTHING: dict[str, object] = {"args": [], "kwargs": {}}
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
        DBTaskResult.objects.filter(pk=context.task_result.id).update(args_kwargs=NOTHING)
        if not error:
            log.info("notice_sent", attempt=attempt)
        elif attempt > len(RETRY_AFTER):
            log.error("notice_given_up", attempt=attempt, error=error)
        else:
            log.warning("notice_not_sent", attempt=attempt, error=error)
            run_after = timezone.now() + RETRY_AFTER[attempt - 1]
            send.using(run_after=run_after).enqueue(subject, body, address, attempt + 1)


def _error_of_sending(subject: str, body: str, address: str) -> str:
    """Nothing when the relay took it; else the kind of fault, for a server's words may repeat the address."""
    try:
        send_mail(subject, body, None, [address])
    except (OSError, ValueError) as error:  # the latter for an address that no mail can have
        return type(error).__name__
    return ""


def send_stalled(now: datetime) -> None:
    """Queue again what a worker took and never finished: it was killed."""
    taken = DBTaskResult.objects.running().filter(task_path=send.module_path, started_at__lte=now - STALLED_AFTER)
    taken.exclude(args_kwargs=NOTHING).update(status=TaskResultStatus.READY)
