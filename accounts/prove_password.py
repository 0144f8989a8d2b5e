"""Proving the password once more inside a session, under the same counters as signing in."""

from datetime import datetime

from django.http import HttpRequest

from accounts import attempts, known_browser
from accounts.models import Agent
from accounts.sign_in import Refused
from cerbere.audit.context import client_address


def prove_password(request: HttpRequest, agent: Agent, password: str, now: datetime) -> Refused | None:
    """None when it is this agent's password. The try is counted before it is evaluated; the caller journals."""
    browser = known_browser.nonce_for(request, agent)
    account = attempts.account_key(agent.uid, agent, browser)
    source = attempts.source_key(client_address(request), browser)
    if wait_until := attempts.reserve(account, source, now):
        return Refused(wait_until)
    if not agent.check_password(password):
        return Refused()
    attempts.succeeded(account, source)
    return None
