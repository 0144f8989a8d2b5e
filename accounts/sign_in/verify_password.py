"""Verify a password: the try is counted first, and every refusal takes the same time."""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest

from accounts import attempts
from accounts.directory import DirectoryUnavailable
from accounts.models import Agent
from accounts.refusals import PasswordRefusal, Reason
from accounts.sign_in import known_browser, pace
from accounts.sign_in.passwords import verify_by_directory_or_hash
from cerbere.audit.context import get_ip_address
from cerbere.audit.events import Event
from cerbere.audit.record import record


def verify_password(
    request: HttpRequest, agent: Agent | None, typed: str, password: str, now: datetime
) -> Agent | PasswordRefusal:
    """Return the agent whose password this is, or the refusal. `agent` is the one with the login `typed`, if any.

    The caller writes the audit event. Raises DirectoryUnavailable, with the try not counted.
    """
    started = pace.clock()
    browser = known_browser.get_nonce(request, agent)
    account = attempts.make_account_key(typed, agent, browser)
    source = attempts.make_source_key(get_ip_address(request), browser, agent)
    if wait_until := attempts.reserve_try(account, source, now):
        return PasswordRefusal(Reason.TOO_MANY_TRIES, wait_until)
    try:
        result = verify_by_directory_or_hash(agent, typed, password, account, now)
    except DirectoryUnavailable:
        attempts.return_try(account, source)
        record(Event.DIRECTORY_UNAVAILABLE, agent)
        raise
    if isinstance(result, PasswordRefusal):
        _hide_refusing_step(started)
    else:
        attempts.record_success(account, source)
    return result


def _hide_refusing_step(started: float) -> None:
    if settings.DIRECTORY:  # without one, every refusal takes one hash
        pace.wait_for_step(started)
