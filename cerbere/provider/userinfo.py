"""The userinfo endpoint's act (OpenID Connect Core §5.3)."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from cerbere.provider.claims import userinfo_claims
from cerbere.provider.errors import BearerError, OAuthError
from cerbere.provider.grants import why_dead
from cerbere.provider.models import Grant, digest


def userinfo(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """The claims of the agent that this access token stands for. Raises OAuthError."""
    grant = Grant.objects.whole().filter(access_digest=digest(_bearer(request))).first()
    if grant is None or grant.access_expires_at is None or now >= grant.access_expires_at or why_dead(grant, now):
        raise BearerError("invalid_token", "the access token is unknown, expired or revoked")
    return {"sub": str(grant.agent.uuid), **userinfo_claims(grant)}


def _bearer(request: HttpRequest) -> str:
    """In the header, or in a form's body (RFC 6750 §2.1 and §2.2); never in the query."""
    scheme, _, in_header = request.headers.get("Authorization", "").partition(" ")
    in_body = request.POST.getlist("access_token")
    if len(in_body) + bool(scheme) > 1:
        raise OAuthError("invalid_request", "the access token is given more than once")
    if scheme and scheme.lower() != "bearer":
        raise BearerError("invalid_token", "not a bearer token")
    token = in_header.strip() if scheme else "".join(in_body)
    if not token:
        raise BearerError()
    return token
