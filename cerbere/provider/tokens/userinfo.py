"""The userinfo endpoint's act (OpenID Connect Core §5.3)."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from cerbere.provider.claims import Value, userinfo_claims
from cerbere.provider.errors import BearerError, OAuthError
from cerbere.provider.hashes import digest
from cerbere.provider.keys import signing
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.subjects import subject
from cerbere.provider.tokens.validity import invalid_reason


def userinfo(request: HttpRequest, now: datetime) -> dict[str, Any] | str:
    """The claims of the agent that this access token stands for, signed for clients that want it (§5.3.2).

    Raises OAuthError.
    """
    grant = _grant(request, now)
    claims: dict[str, Any] = {"sub": subject(grant.agent, grant.client), **_claims(grant)}
    if not grant.client.userinfo_alg:
        return claims
    signed = {"iss": settings.PUBLIC_URL, "aud": grant.client.client_id, "iat": int(now.timestamp())}
    return signing.sign_token(claims | signed, grant.client.userinfo_alg)


def _claims(grant: Grant) -> dict[str, Value]:
    return userinfo_claims(grant.agent, grant.scope, grant.claims.get("userinfo", {}), grant.client.claims)


def _grant(request: HttpRequest, now: datetime) -> Grant:
    grant = Grant.objects.with_validity_relations().filter(access_digest=digest(_bearer(request))).first()
    if grant is None or grant.access_expires_at is None or now >= grant.access_expires_at or invalid_reason(grant, now):
        raise BearerError("invalid_token", "the access token is unknown, expired or revoked")
    return grant


def _bearer(request: HttpRequest) -> str:
    """In the header, or in a form's body (RFC 6750 §2.1 and §2.2); never in the query."""
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
