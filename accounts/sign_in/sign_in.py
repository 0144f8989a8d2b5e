"""The act of signing in with a password."""

from datetime import datetime

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import Model
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.crypto import constant_time_compare

from accounts.models import Agent, AgentSession
from accounts.refusals import Refused
from accounts.sessions.store import USER_AGENT, session_of
from accounts.sign_in.prove_password import prove_password
from cerbere.audit.events import Event
from cerbere.audit.record import draft, record, told
from cerbere.statements import Row
from cerbere.writes import change, insert, write

BACKEND = "accounts.backends.AgentBackend"
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
    event = draft(Event.SIGN_IN_ACCEPTED, proved.agent)
    if session_of(request).sid:
        write(*proved.counted)
        with transaction.atomic():  # the agent's row first, as all that ends sessions: none waits for the other
            _write(proved.agent, [event], now)
            for row in _open_session(request, proved.agent, now):
                insert(row)
    else:
        _write(proved.agent, [*_open_session(request, proved.agent, now), event], now, proved.counted)
    told(event)
    return proved.agent


def _write(agent: Agent, rows: list[Model], now: datetime, also: Row | None = None) -> None:
    try:
        written = change(Agent, agent.pk, then=rows, also=also, last_login=now)
    except DatabaseError:  # the password was right all the same
        if also:
            close_old_connections()  # perhaps it was this one that has failed
            write(*also)
        raise
    if not written:
        raise Agent.DoesNotExist("removed meanwhile")


def _open_session(request: HttpRequest, agent: Agent, now: datetime) -> list[AgentSession]:
    """As Django's `login`; and every proof changes the key, also when the same agent signs in again.

    One that goes on is written at once; the row of one that begins is for the caller to write.
    """
    session, of_password = session_of(request), agent.get_session_auth_hash()
    if SESSION_KEY in session and not _is_of(session, agent, of_password):
        session.flush()
    session.update({
        SESSION_KEY: str(agent.pk), BACKEND_SESSION_KEY: BACKEND, HASH_SESSION_KEY: of_password,
        PASSWORD_AT: now.timestamp(), USER_AGENT: request.META.get("HTTP_USER_AGENT", "")[:200],
    })  # fmt: skip
    session.cycle_key()
    request.user = agent
    rotate_token(request)
    return [] if session.row else [session.begin()]


def _is_of(session: SessionBase, agent: Agent, of_password: str) -> bool:
    """Whether this session is the agent's, opened with the password of today: no other is taken over."""
    kept = session.get(HASH_SESSION_KEY, "")
    return session[SESSION_KEY] == str(agent.pk) and constant_time_compare(kept, of_password)
