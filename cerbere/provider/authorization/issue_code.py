"""Issue an authorization code."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest

from accounts.models import Agent
from accounts.sessions.store import get_session
from cerbere.core.rows import insert_instance
from cerbere.provider.authorization import parked_requests
from cerbere.provider.authorization.models import ParkedRequest
from cerbere.provider.authorization.policy import Granted
from cerbere.provider.authorization.request import AuthorizationRequest
from cerbere.provider.hashes import digest, make_secret
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.queries import INSERT_GRANT
from twofactor.strength import get_auth_time


def issue_code(
    request: HttpRequest,
    authorization: AuthorizationRequest,
    granted: Granted,
    now: datetime,
    parked: ParkedRequest | None = None,
) -> str:
    """Return a new code bound to client, redirect URI, PKCE challenge, session and level; only its digest is kept.

    A parked request is marked as answered in the same transaction.
    """
    code = make_secret()
    parameters = authorization.parameters
    assert isinstance(request.user, Agent)
    with transaction.atomic():
        if parked:
            parked_requests.mark_answered(parked, now)
        grant = Grant(
            client=authorization.client, agent=request.user, session_id=get_session(request).sid,
            code_digest=digest(code), redirect_uri=authorization.redirect_uri,
            code_challenge=parameters.get("code_challenge", ""), nonce=parameters.get("nonce", ""),
            scope=parameters.get("scope", ""), claims=authorization.claims, strength=granted.strength, acr=granted.acr,
            auth_time=get_auth_time(granted.facts) or now, created_at=now,
        )  # fmt: skip
        insert_instance(INSERT_GRANT, grant)
    return code
