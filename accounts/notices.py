"""Mails that tell an agent what was done with the account."""

import smtplib
from functools import partial

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Agent

log = structlog.get_logger("accounts.notices")


def notify(agent: Agent, subject: str, template: str, **context: object) -> None:
    """Mail the agent once the current transaction is committed. A mail server that is down undoes nothing."""
    if not agent.email:
        return
    context |= {"agent": agent, "at": timezone.localtime(), "support_contact": settings.SUPPORT_CONTACT}
    body = render_to_string(template, context)
    transaction.on_commit(partial(_send, subject, body, agent.email))


def _send(subject: str, body: str, address: str) -> None:
    try:
        send_mail(subject, body, None, [address])
    except (OSError, smtplib.SMTPException) as error:
        log.error("notice_not_sent", error=error.__class__.__name__)
