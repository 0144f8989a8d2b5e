"""Introspect tokens (RFC 7662)."""

from datetime import datetime
from typing import Any

from django.conf import settings

from cerbere.provider.clients.models import Client
from cerbere.provider.parameters import Parameters
from cerbere.provider.tokens.issue import require_parameter
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.subjects import compute_subject
from cerbere.provider.tokens.validity import invalid_reason


def introspect(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Return the introspection response, with `acr` and `auth_time` (RFC 9470 §6) when the token is active.

    A client may introspect its own tokens, and the access tokens of other clients if its registration says so.
    """
    token = require_parameter(parameters, "token")
    grant = Grant.objects.find_by_token(token)
    refresh = grant is not None and grant.has_refresh_token(token)
    if grant is None or not _can_introspect(client, grant, refresh) or not _is_active(grant, token, now):
        return {"active": False}
    expires_at = grant.session.expire_date if refresh and grant.session else grant.access_expires_at
    return {
        "active": True,
        "iss": settings.PUBLIC_URL,
        "sub": compute_subject(grant.agent, grant.client),
        "client_id": grant.client.client_id,
        "scope": grant.known_scope,
        "token_type": "refresh_token" if refresh else "Bearer",
        "exp": int(expires_at.timestamp()) if expires_at else None,
        "acr": grant.acr,
        "auth_time": int(grant.auth_time.timestamp()),
        "sid": str(grant.session_id),
    }


def _can_introspect(client: Client, grant: Grant, refresh: bool) -> bool:
    """Tell whether this client may introspect the token. A refresh token must not pass for an access token."""
    return grant.client == client or (client.may_introspect and not refresh)


def _is_active(grant: Grant, token: str, now: datetime) -> bool:
    if invalid_reason(grant, now):
        return False
    if grant.has_refresh_token(token):
        return grant.client.refresh_tokens
    return grant.access_expires_at is not None and now < grant.access_expires_at
