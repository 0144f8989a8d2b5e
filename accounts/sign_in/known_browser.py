"""A signed cookie that shows that an agent has signed in from this browser before.

The cookie grants nothing. It only gives the browser its own counter of wrong passwords, so that a stranger who
fails on purpose cannot keep the agent out (OWASP, "Slow down online guessing attacks with device cookies").
A change of password invalidates it: a person who knew the old one may have made many such browsers, each with its own
tries. Where a directory keeps the password, Cerbère does not see the change, and accounts.attempts limits all browsers
of an agent together.
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.models import Agent

LIFETIME = 90 * 24 * 3600  # seconds
SALT = "accounts.sign_in.known_browser"


def get_cookie_name() -> str:
    return f"{settings.COOKIE_PREFIX}cerbere_navigateur"


def get_nonce(request: HttpRequest, agent: Agent | None) -> str | None:
    """Return the nonce in this browser's cookie if the cookie is this agent's, else None."""
    try:
        known = signing.loads(request.COOKIES.get(get_cookie_name(), ""), salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    return known["nonce"] if agent and known["agent"] == _hash_agent(agent) else None


def _hash_agent(agent: Agent) -> str:
    """Return a keyed hash of the agent's id and password hash, which changes with the password."""
    return salted_hmac(SALT, f"{agent.uuid}:{agent.password}", algorithm="sha256").hexdigest()


def remember_browser(request: HttpRequest, response: HttpResponse, agent: Agent) -> None:
    """Set the cookie of this browser for this agent; the nonce stays if there is one."""
    nonce = get_nonce(request, agent) or secrets.token_urlsafe(16)
    value = signing.dumps({"agent": _hash_agent(agent), "nonce": nonce}, salt=SALT)
    response.set_cookie(
        get_cookie_name(), value, max_age=LIFETIME, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )
