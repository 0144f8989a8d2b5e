"""Introspection (RFC 7662): what a token is worth now."""

from datetime import datetime
from typing import Any

from django.conf import settings

from cerbere.provider.clients.models import Client
from cerbere.provider.parameters import Parameters
from cerbere.provider.tokens.issue import required
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.subjects import subject
from cerbere.provider.tokens.validity import invalid_reason


def introspect(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """What a resource server needs, `acr` and `auth_time` included (RFC 9470 §6); `active` alone otherwise.

    A client learns of its own tokens, and of the others' access tokens where its registration says so.
    """
    token = required(parameters, "token")
    grant = Grant.objects.by_token(token)
    refresh = grant is not None and grant.has_refresh_token(token)
    if grant is None or not _may_learn(client, grant, refresh) or not _lives(grant, token, now):
        return {"active": False}
    expires_at = grant.session.expire_date if refresh and grant.session else grant.access_expires_at
    return {
        "active": True,
        "iss": settings.PUBLIC_URL,
        "sub": subject(grant.agent, grant.client),
        "client_id": grant.client.client_id,
        "scope": grant.known_scope,
        "token_type": "refresh_token" if refresh else "Bearer",
        "exp": int(expires_at.timestamp()) if expires_at else None,
        "acr": grant.acr,
        "auth_time": int(grant.auth_time.timestamp()),
        "sid": str(grant.session_id),
    }


def _may_learn(client: Client, grant: Grant, refresh: bool) -> bool:
    """No resource server is ever sent a refresh token: one that comes there must not pass for an access token."""
    return grant.client == client or (client.may_introspect and not refresh)


def _lives(grant: Grant, token: str, now: datetime) -> bool:
    if invalid_reason(grant, now):
        return False
    if grant.has_refresh_token(token):
        return grant.client.refresh_tokens
    return grant.access_expires_at is not None and now < grant.access_expires_at
