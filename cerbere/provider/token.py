"""The token endpoint's act (OpenID Connect Core §3.1.3): a code for an access token and an ID token, once."""

import hashlib
import hmac
import re
from datetime import datetime
from typing import Any

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.errors import OAuthError
from cerbere.provider.grants import b64url, id_token, why_dead
from cerbere.provider.models import ACCESS_TOKEN_LIFETIME, CODE_LIFETIME, Client, Grant, digest, new_secret
from cerbere.provider.request import Parameters

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")  # RFC 7636 §4.1


def token(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """The answer's members. Raises OAuthError; a code that was used before revokes what it gave."""
    if "grant_type" not in parameters:
        raise OAuthError("invalid_request", "grant_type is missing")
    if parameters["grant_type"] != "authorization_code":
        raise OAuthError("unsupported_grant_type", "only authorization_code is supported")
    grant = _find(client, parameters)
    if reason := _why_not(grant, parameters, now):
        raise _refused(grant, reason)
    access_token = new_secret()
    if not grant.redeem(access_token, now):
        raise _replayed(grant, now)
    record(Event.TOKEN_ISSUED, grant.agent, client_id=client.client_id, acr=grant.acr, sid=str(grant.session_id))
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        "scope": grant.scope,
        "id_token": id_token(grant, access_token, now),
    }


def _find(client: Client, parameters: Parameters) -> Grant:
    if "code" not in parameters:
        raise OAuthError("invalid_request", "code is missing")
    grant = Grant.objects.whole().filter(code_digest=digest(parameters["code"]), client=client).first()
    if grant is None:
        raise OAuthError("invalid_grant", "the code is not one of this client")
    return grant


def _why_not(grant: Grant, parameters: Parameters, now: datetime) -> str | None:
    if grant.redeemed_at:
        raise _replayed(grant, now)
    if now >= grant.created_at + CODE_LIFETIME:
        return "code_expired"
    if parameters.get("redirect_uri") != grant.redirect_uri:
        return "redirect_uri_differs"
    if not verifier_fits(grant.code_challenge, parameters.get("code_verifier")):
        return "code_verifier_differs"
    return why_dead(grant, now)


def verifier_fits(challenge: str, verifier: str | None) -> bool:
    """S256 (RFC 7636 §4.6); without a challenge there must be no verifier, or somebody took the challenge out."""
    if not challenge or verifier is None:
        return not challenge and verifier is None
    if not VERIFIER.match(verifier):
        return False
    return hmac.compare_digest(b64url(hashlib.sha256(verifier.encode()).digest()), challenge)


def _refused(grant: Grant, reason: str) -> OAuthError:
    record(Event.TOKEN_REFUSED, grant.agent, client_id=grant.client.client_id, reason=reason)
    return OAuthError("invalid_grant", "the code has expired, or what it stands for is not true any more")


def _replayed(grant: Grant, now: datetime) -> OAuthError:
    """RFC 6749 §4.1.2: a code that comes twice may have been stolen; what it gave is revoked."""
    grant.revoke(now)
    record(Event.CODE_REPLAYED, grant.agent, client_id=grant.client.client_id)
    return OAuthError("invalid_grant", "the code has been used")
