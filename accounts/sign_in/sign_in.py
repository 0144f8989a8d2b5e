"""Sign in with a password."""

from datetime import datetime

from django.contrib.auth import login, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from accounts.models import Agent
from accounts.refusals import PasswordRefusal
from accounts.sessions.store import USER_AGENT
from accounts.sign_in.verify_password import verify_password
from cerbere.audit.events import Event
from cerbere.audit.record import record

PASSWORD_AT = "password_at"  # session entry: when the password was verified, seconds since 1970


def sign_in(request: HttpRequest, typed: str, password: str, now: datetime) -> Agent | PasswordRefusal:
    """Count the try, verify the password, and open or refresh this browser's session.

    The session key and the CSRF token change; the session keeps `now` as the time of the password. Raises
    DirectoryUnavailable, with the try not counted.
    """
    agent = Agent.objects.find_by_login(typed)
    result = verify_password(request, agent, typed, password, now)
    if isinstance(result, PasswordRefusal):
        _record_refusal(request, agent, result)
        return result
    with transaction.atomic():
        _open_session(request, result, now)
        record(Event.SIGN_IN_ACCEPTED, result)
    return result


def _record_refusal(request: HttpRequest, agent: Agent | None, refusal: PasswordRefusal) -> None:
    """Record the refusal, and send Django's signal without the typed login, which may be a password by mistake."""
    record(Event.SIGN_IN_REFUSED, agent, reason=refusal.reason)
    user_login_failed.send(sender=__name__, credentials={"username": agent.uid if agent else ""}, request=request)


def _open_session(request: HttpRequest, agent: Agent, now: datetime) -> None:
    login(request, agent)
    request.session.update({PASSWORD_AT: now.timestamp(), USER_AGENT: request.META.get("HTTP_USER_AGENT", "")[:200]})
    request.session.cycle_key()  # Django keeps the key when the same agent signs in again
    request.session.save()
