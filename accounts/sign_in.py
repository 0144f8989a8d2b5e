"""The act of signing in with a password."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import login
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts import attempts, known_browser
from accounts.models import Agent
from accounts.sessions import USER_AGENT
from cerbere.audit.context import client_address
from cerbere.audit.events import Event
from cerbere.audit.record import record

PASSWORD_AT = "password_at"  # session entry: when the password was proved, seconds since 1970


@dataclass(frozen=True)
class Refused:
    """Wrong, unknown and inactive are one answer; `wait_until` when too many passwords were tried."""

    wait_until: datetime | None = None

    @property
    def reason(self) -> str:
        """For the journal, of a known agent."""
        return "too_many_tries" if self.wait_until else "wrong_password"


def sign_in(request: HttpRequest, typed: str, password: str, now: datetime) -> Agent | Refused:
    """Check the password, count the try, and open or refresh this browser's session.

    The session key and the CSRF token change; the fact « password proved at `now` » is kept in the session.
    """
    agent = Agent.objects.by_login(typed)
    browser = known_browser.nonce_for(request, agent)
    account = attempts.account_key(typed, agent, browser)
    source = attempts.source_key(client_address(request), browser)
    if wait_until := attempts.reserve(account, source, now):
        record(Event.SIGN_IN_REFUSED, agent, reason="too_many_tries")
        return Refused(wait_until)
    if reason := _why_not(agent, password):
        record(Event.SIGN_IN_REFUSED, agent, reason=reason)
        return Refused()
    assert agent is not None
    attempts.succeeded(account, source)
    _open_session(request, agent, now)
    record(Event.SIGN_IN_ACCEPTED, agent)
    return agent


def _why_not(agent: Agent | None, password: str) -> str | None:
    """The reason of a refusal, for the journal only. Every path hashes one password: same time."""
    if agent is None:
        make_password(password)
        return "unknown"
    if not agent.check_password(password):
        return "wrong_password"
    return None if agent.may_sign_in else "inactive"


def _open_session(request: HttpRequest, agent: Agent, now: datetime) -> None:
    """Django keeps the key when the same agent signs in again; here every proof changes it."""
    before = request.session.session_key
    login(request, agent, backend="accounts.backends.AgentBackend")
    if request.session.session_key == before:
        request.session.cycle_key()
    request.session[PASSWORD_AT] = now.timestamp()
    request.session[USER_AGENT] = request.headers.get("User-Agent", "")[:200]
