"""Codes and access tokens: issued, still true or not, and what an ID token says."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.models import Agent
from accounts.sessions.store import session_of
from cerbere.provider.authorization import parked_requests
from cerbere.provider.authorization.policy import Granted
from cerbere.provider.authorization.request import AuthorizationRequest
from cerbere.provider.hashes import half_hash
from cerbere.provider.keys import ring as keys
from cerbere.provider.models import Grant, ParkedRequest, digest, new_secret
from cerbere.provider.tokens.claims import id_token_claims
from cerbere.provider.tokens.subjects import subject
from twofactor.facts import active_devices, facts_of
from twofactor.obligation import least_strength
from twofactor.strength import Strength, amr, auth_time, strength_of

ID_TOKEN_LIFETIME = timedelta(minutes=10)


def issue_code(
    request: HttpRequest,
    authorization: AuthorizationRequest,
    granted: Granted,
    now: datetime,
    waiting: ParkedRequest | None = None,
) -> str:
    """A code bound to client, redirect URI, PKCE challenge, session and level; only its digest is kept.

    The request that waited for it waits no more, in the same transaction.
    """
    code = new_secret()
    asked = authorization.parameters
    assert isinstance(request.user, Agent)
    with transaction.atomic():
        if waiting:
            parked_requests.mark_answered(waiting, now)
        Grant.objects.create(
            client=authorization.client, agent=request.user, session_id=session_of(request).sid,
            code_digest=digest(code), redirect_uri=authorization.redirect_uri,
            code_challenge=asked.get("code_challenge", ""), nonce=asked.get("nonce", ""), scope=asked.get("scope", ""),
            claims=authorization.claims, strength=granted.strength, acr=granted.acr,
            auth_time=auth_time(granted.facts) or now, created_at=now,
        )  # fmt: skip
    return code


def invalid_reason(grant: Grant, now: datetime) -> str | None:
    """Why this grant may not be used any more, None if it may. Read it with `with_validity_relations`.

    The level is derived afresh from the session's facts and the agent's methods of this moment.
    """
    agent: Agent = grant.agent
    if grant.revoked_at or not grant.client.enabled:
        return "revoked"
    if not agent.may_sign_in:
        return "inactive"
    if grant.session is None or not grant.session.is_alive(now) or grant.session.agent_id != agent.pk:
        return "session_ended"
    kept = grant.session.get_decoded()
    if not _is_of_this_password(kept, agent):
        return "session_ended"
    facts = facts_of(kept)
    reached = strength_of(facts, active_devices(agent), now, settings.SECOND_FACTOR_MAX_AGE)
    least = max(Strength(grant.strength), grant.client.terms.minimum, least_strength(agent, now))
    return None if reached >= least else "level_fell"


def _is_of_this_password(kept: dict[str, Any], agent: Agent) -> bool:
    """A session opened with an earlier password is over, whoever changed it (as for Django's own sessions)."""
    valid = [agent.get_session_auth_hash(), *agent.get_session_auth_fallback_hash()]
    return any(constant_time_compare(kept.get(HASH_SESSION_KEY, ""), each) for each in valid)


def id_token(grant: Grant, access_token: str, nonce: str, now: datetime) -> str:
    """OpenID Connect Core §2, with `sid` (Back-Channel Logout §2.1) and the claims of the client's set."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        **id_token_claims(grant),
        "iss": settings.PUBLIC_URL,
        "sub": subject(grant.agent, grant.client),
        "aud": grant.client.client_id,
        "iat": issued_at,
        "exp": issued_at + int(ID_TOKEN_LIFETIME.total_seconds()),
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "amr": amr(Strength(grant.strength)),
        "sid": str(grant.session_id),
        "at_hash": half_hash(access_token),
    }
    if nonce:
        claims["nonce"] = nonce
    return keys.sign(claims, grant.client.id_token_alg)
