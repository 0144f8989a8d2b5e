"""A signed cookie that says: this agent has signed in from this browser before.

It grants nothing. It only gives the browser its own counter of wrong passwords, so that a stranger who
fails on purpose cannot keep the agent out (OWASP, "Slow down online guessing attacks with device cookies").
It ends with the password: whoever knew the old one may have made many such browsers, each with its own tries.
Where a directory keeps the password it does not, and accounts.attempts bounds all browsers of an agent together.
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.models import Agent

LIFETIME = 90 * 24 * 3600  # seconds
SALT = "accounts.sign_in.known_browser"


def cookie_name() -> str:
    return f"{settings.COOKIE_PREFIX}cerbere_navigateur"


def nonce_for(request: HttpRequest, agent: Agent | None) -> str | None:
    """The nonce of this browser if it knows this agent."""
    try:
        known = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    return known["nonce"] if agent and known["agent"] == _who(agent) else None


def _who(agent: Agent) -> str:
    """The agent with this very password; says nothing of either."""
    return salted_hmac(SALT, f"{agent.uuid}:{agent.password}", algorithm="sha256").hexdigest()


def remember(request: HttpRequest, response: HttpResponse, agent: Agent) -> None:
    nonce = nonce_for(request, agent) or secrets.token_urlsafe(16)
    value = signing.dumps({"agent": _who(agent), "nonce": nonce}, salt=SALT)
    response.set_cookie(
        cookie_name(), value, max_age=LIFETIME, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )
