"""The act of signing in with a password."""

from datetime import datetime

from django.contrib.auth import login, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from accounts.models import Agent
from accounts.refusals import Refused
from accounts.sessions.store import USER_AGENT
from accounts.sign_in.prove_password import prove_password
from cerbere.audit.events import Event
from cerbere.audit.record import record

PASSWORD_AT = "password_at"  # session entry: when the password was proved, seconds since 1970


def sign_in(request: HttpRequest, typed: str, password: str, now: datetime) -> Agent | Refused:
    """Check the password, count the try, and open or refresh this browser's session.

    The session key and the CSRF token change; the fact « password proved at `now` » is kept in the session.
    Raises DirectoryUnavailable: then nothing is known, counted or changed.
    """
    agent = Agent.objects.by_login(typed)
    proved = prove_password(request, agent, typed, password, now)
    if isinstance(proved, Refused):
        _refuse(request, agent, proved)
        return proved
    with transaction.atomic():
        _open_session(request, proved, now)
        record(Event.SIGN_IN_ACCEPTED, proved)
    return proved


def _refuse(request: HttpRequest, agent: Agent | None, refused: Refused) -> None:
    """Send Django's signal without what was typed, which may be a password in the wrong field."""
    record(Event.SIGN_IN_REFUSED, agent, reason=refused.reason)
    user_login_failed.send(sender=__name__, credentials={"username": agent.uid if agent else ""}, request=request)


def _open_session(request: HttpRequest, agent: Agent, now: datetime) -> None:
    """Log in as Django does. Every proof changes the key, also when the same agent signs in again."""
    login(request, agent)
    request.session.update({PASSWORD_AT: now.timestamp(), USER_AGENT: request.META.get("HTTP_USER_AGENT", "")[:200]})
    request.session.cycle_key()
    request.session.save()
