"""Redeem an authorization code (OpenID Connect Core §3.1.3)."""

import secrets
from datetime import datetime
from typing import Any

from django.db import transaction

from cerbere.audit.events import Event
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import OAuthError
from cerbere.provider.parameters import Parameters
from cerbere.provider.pkce import is_valid_verifier
from cerbere.provider.tokens.issue import (
    make_token_response,
    record_issued_tokens,
    refuse_grant,
    require_parameter,
    revoke_replayed_grant,
)
from cerbere.provider.tokens.models import CODE_LIFETIME, Grant, Tokens
from cerbere.provider.tokens.queries import redeem_grant
from cerbere.provider.tokens.validity import invalid_reason


def redeem_code(client: Client, grant: Grant | None, parameters: Parameters, now: datetime) -> dict[str, Any]:
    require_parameter(parameters, "code")
    if grant is None or grant.client_id != client.pk:
        raise OAuthError("invalid_grant", "the code is not one of this client")
    if grant.redeemed_at:
        raise revoke_replayed_grant(grant, Event.CODE_REPLAYED, now)
    if reason := _find_refusal_reason(grant, parameters, now):
        raise refuse_grant(grant, reason)
    tokens = Tokens.make(secrets.token_urlsafe(16) if client.refresh_tokens else None)
    with transaction.atomic():
        redeemed = redeem_grant(grant, tokens, now)
        if redeemed:
            record_issued_tokens(grant, parameters)
    if not redeemed:
        raise revoke_replayed_grant(grant, Event.CODE_REPLAYED, now)
    return make_token_response(grant, tokens, grant.nonce, now)


def _find_refusal_reason(grant: Grant, parameters: Parameters, now: datetime) -> str | None:
    if now >= grant.created_at + CODE_LIFETIME:
        return "code_expired"
    if parameters.get("redirect_uri") != grant.redirect_uri:
        return "redirect_uri_differs"
    if not is_valid_verifier(grant.code_challenge, parameters.get("code_verifier")):
        return "code_verifier_differs"
    return invalid_reason(grant, now)
