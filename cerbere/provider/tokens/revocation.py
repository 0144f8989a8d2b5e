"""Revocation (RFC 7009) and introspection (RFC 7662): what a token is worth, or nothing any more."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.authorization.request import Parameters
from cerbere.provider.errors import OAuthError
from cerbere.provider.models import Client, Grant, digest
from cerbere.provider.tokens.claims import scope_of
from cerbere.provider.tokens.grants import invalid_reason
from cerbere.provider.tokens.subjects import subject
from cerbere.provider.tokens.token import required


def revoke(client: Client, parameters: Parameters, now: datetime) -> None:
    """A refresh token, also a used one, takes everything of its grant with it, an access token only itself.

    Silent for what is unknown (§2.2). Raises OAuthError without a token, and for another client's (§2.1).
    """
    token = required(parameters, "token")
    grant = find(token) or Grant.objects.filter(family=token.partition(".")[0]).first()
    if grant is None:
        return
    if grant.client != client:
        raise OAuthError("invalid_grant", "the token is not one of this client")
    if grant.access_digest == digest(token):
        Grant.objects.filter(pk=grant.pk).update(access_expires_at=now)
    else:
        grant.revoke(now)
    record(Event.TOKEN_REVOKED, grant.agent, client_id=client.client_id)


def introspect(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """What a resource server needs, `acr` and `auth_time` included (RFC 9470 §6); `active` alone otherwise.

    A client learns of its own tokens, and of the others' access tokens where its registration says so.
    """
    token = required(parameters, "token")
    grant = find(token)
    refresh = grant is not None and grant.has_refresh_token(token)
    if grant is None or not _may_learn(client, grant, refresh) or not _lives(grant, token, now):
        return {"active": False}
    expires_at = grant.session.expire_date if refresh and grant.session else grant.access_expires_at
    return {
        "active": True,
        "iss": settings.PUBLIC_URL,
        "sub": subject(grant.agent, grant.client),
        "client_id": grant.client.client_id,
        "scope": scope_of(grant),
        "token_type": "refresh_token" if refresh else "Bearer",
        "exp": int(expires_at.timestamp()) if expires_at else None,
        "acr": grant.acr,
        "auth_time": int(grant.auth_time.timestamp()),
        "sid": str(grant.session_id),
    }


def _may_learn(client: Client, grant: Grant, refresh: bool) -> bool:
    """No resource server is ever sent a refresh token: one that comes there must not pass for an access token."""
    return grant.client == client or (client.may_introspect and not refresh)


def find(token: str) -> Grant | None:
    """The grant of an access token or of the current refresh token of a family; each is found by an index."""
    current = Q(family=token.partition(".")[0], refresh_digest=digest(token))
    return Grant.objects.with_validity_relations().filter(Q(access_digest=digest(token)) | current).first()


def _lives(grant: Grant, token: str, now: datetime) -> bool:
    if invalid_reason(grant, now):
        return False
    if grant.has_refresh_token(token):
        return grant.client.refresh_tokens
    return grant.access_expires_at is not None and now < grant.access_expires_at
