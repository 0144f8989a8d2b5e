"""Prove a password: counted before it is evaluated, at one pace whatever comes of it."""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest

from accounts import attempts
from accounts.directory import DirectoryUnavailable
from accounts.models import Agent
from accounts.refusals import Reason, Refused
from accounts.sign_in import known_browser, pace
from accounts.sign_in.passwords import prove
from cerbere.audit.context import get_ip_address
from cerbere.audit.events import Event
from cerbere.audit.record import record


def prove_password(
    request: HttpRequest, agent: Agent | None, typed: str, password: str, now: datetime
) -> Agent | Refused:
    """Return who has proved this password as `typed`, or why nobody has; `agent` is who we know by that name.

    The caller writes the audit event. Raises DirectoryUnavailable: then nothing is known, counted or changed.
    """
    started = pace.clock()
    browser = known_browser.nonce_for(request, agent)
    account = attempts.account_key(typed, agent, browser)
    source = attempts.source_key(get_ip_address(request), browser, agent)
    if wait_until := attempts.reserve(account, source, now):
        return Refused(Reason.TOO_MANY_TRIES, wait_until)
    try:
        proved = prove(agent, typed, password, account, now)
    except DirectoryUnavailable:
        attempts.give_back(account, source)
        record(Event.DIRECTORY_UNAVAILABLE, agent)
        raise
    if isinstance(proved, Refused):
        _even_out(started)
    else:
        attempts.record_success(account, source)
    return proved


def _even_out(started: float) -> None:
    """Hide which step refused; without a directory every refusal is one hash, and there is nothing to hide."""
    if settings.DIRECTORY:
        pace.even_out(started)
