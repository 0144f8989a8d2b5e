"""The act of signing in with a password."""

from datetime import datetime

from django.contrib.auth import login
from django.http import HttpRequest

from accounts.models import Agent
from accounts.prove_password import prove_password
from accounts.refusals import Refused
from accounts.sessions import USER_AGENT
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
        record(Event.SIGN_IN_REFUSED, agent, reason=proved.reason)
        return proved
    _open_session(request, proved, now)
    record(Event.SIGN_IN_ACCEPTED, proved)
    return proved


def _open_session(request: HttpRequest, agent: Agent, now: datetime) -> None:
    """Django keeps the key when the same agent signs in again; here every proof changes it."""
    before = request.session.session_key
    login(request, agent, backend="accounts.backends.AgentBackend")
    if request.session.session_key == before:
        request.session.cycle_key()
    request.session[PASSWORD_AT] = now.timestamp()
    request.session[USER_AGENT] = request.headers.get("User-Agent", "")[:200]
