"""Rotate a refresh token (OpenID Connect Core §12, RFC 9700 §4.14.2)."""

from datetime import datetime
from typing import Any

from django.db import transaction

from cerbere.audit.events import Event
from cerbere.provider.claims import select_known_scopes
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import OAuthError
from cerbere.provider.parameters import Parameters
from cerbere.provider.tokens.issue import (
    make_token_response,
    record_issued_tokens,
    refuse_grant,
    require_parameter,
    revoke_replayed_grant,
)
from cerbere.provider.tokens.models import Grant, Tokens
from cerbere.provider.tokens.validity import invalid_reason


def refresh(client: Client, grant: Grant | None, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Return new tokens for a refresh token, which is used once; a second use revokes its family."""
    presented = require_parameter(parameters, "refresh_token")
    if grant is None or grant.client_id != client.pk or not client.refresh_tokens:
        raise OAuthError("invalid_grant", "the refresh token is not one of this client")
    if not grant.has_refresh_token(presented):
        raise revoke_replayed_grant(grant, Event.REFRESH_TOKEN_REPLAYED, now)
    if not set(select_known_scopes(parameters.get("scope", ""), ())) <= set(grant.scope.split()):
        raise OAuthError("invalid_scope", "scope is wider than what was granted")
    if reason := invalid_reason(grant, now):
        raise refuse_grant(grant, reason)
    tokens = Tokens.make(grant.family)
    with transaction.atomic():
        rotated = grant.rotate(presented, tokens, now)
        if rotated:
            record_issued_tokens(grant, parameters)
    if not rotated:
        raise revoke_replayed_grant(grant, Event.REFRESH_TOKEN_REPLAYED, now)
    return make_token_response(grant, tokens, "", now)  # without the nonce: OpenID Connect Core §12.2
