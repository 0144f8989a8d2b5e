"""Answer userinfo requests (OpenID Connect Core §5.3)."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from cerbere.provider.claims import Value, select_userinfo_claims
from cerbere.provider.errors import BearerError, OAuthError
from cerbere.provider.hashes import digest
from cerbere.provider.keys import signing
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.queries import GRANT_BY_ACCESS_TOKEN, find_grant
from cerbere.provider.tokens.subjects import compute_subject
from cerbere.provider.tokens.validity import invalid_reason


def userinfo(request: HttpRequest, now: datetime) -> dict[str, Any] | str:
    """Return the claims of the access token's agent, as a signed JWT where the client asks for one (§5.3.2).

    Raises OAuthError.
    """
    grant = _find_valid_grant(request, now)
    claims: dict[str, Any] = {"sub": compute_subject(grant.agent, grant.client), **_select_claims(grant)}
    if not grant.client.userinfo_alg:
        return claims
    signed = {"iss": settings.PUBLIC_URL, "aud": grant.client.client_id, "iat": int(now.timestamp())}
    return signing.sign_token(claims | signed, grant.client.userinfo_alg)


def _select_claims(grant: Grant) -> dict[str, Value]:
    return select_userinfo_claims(grant.agent, grant.scope, grant.claims.get("userinfo", {}), grant.client.claims)


def _find_valid_grant(request: HttpRequest, now: datetime) -> Grant:
    grant = find_grant(GRANT_BY_ACCESS_TOKEN, digest(_read_access_token(request)))
    if grant is None or grant.access_expires_at is None or now >= grant.access_expires_at or invalid_reason(grant, now):
        raise BearerError("invalid_token", "the access token is unknown, expired or revoked")
    return grant


def _read_access_token(request: HttpRequest) -> str:
    """Return the access token of the header or of a form's body, never of the query (RFC 6750 §2.1 and §2.2)."""
    scheme, _, in_header = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    in_body = [token for token in request.POST.getlist("access_token") if token] if request.method == "POST" else []
    if len(in_body) + bool(scheme) > 1:
        raise OAuthError("invalid_request", "the access token is given more than once")
    if scheme and scheme.lower() != "bearer":
        raise BearerError("invalid_token", "not a bearer token")
    token = in_header.strip() if scheme else "".join(in_body)
    if not token:
        raise BearerError()
    return token
