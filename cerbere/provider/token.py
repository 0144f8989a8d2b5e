"""The token endpoint's act (OpenID Connect Core §3.1.3 and §12): what each grant type gives."""

import secrets
from datetime import datetime
from typing import Any

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.errors import OAuthError
from cerbere.provider.grants import id_token, why_dead
from cerbere.provider.models import (
    ACCESS_TOKEN_LIFETIME,
    CODE_LIFETIME,
    GRANT_BY_CODE,
    Client,
    Grant,
    Tokens,
    digest,
)
from cerbere.provider.pkce import verifier_fits
from cerbere.provider.request import Parameters


def token(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """The answer's members. Raises OAuthError; what is used twice revokes what it gave."""
    grant_type = required(parameters, "grant_type")
    if grant_type not in ACTS:
        raise OAuthError("unsupported_grant_type", f"only {' and '.join(ACTS)} are supported")
    return ACTS[grant_type](client, parameters, now)


def required(parameters: Parameters, name: str) -> str:
    if name not in parameters:
        raise OAuthError("invalid_request", f"{name} is missing")
    return parameters[name]


def by_code(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    code = required(parameters, "code")
    grant = GRANT_BY_CODE(digest(code))
    if grant is None or grant.client_id != client.pk:
        raise OAuthError("invalid_grant", "the code is not one of this client")
    if grant.redeemed_at:
        raise _replayed(grant, Event.CODE_REPLAYED, now)
    if reason := _why_not(grant, parameters, now):
        raise _refused(grant, reason)
    tokens = Tokens.new(secrets.token_urlsafe(16) if client.refresh_tokens else None)
    if not grant.redeem(tokens, now):
        raise _replayed(grant, Event.CODE_REPLAYED, now)
    return _answer(grant, tokens, "authorization_code", now)


def _why_not(grant: Grant, parameters: Parameters, now: datetime) -> str | None:
    if now >= grant.created_at + CODE_LIFETIME:
        return "code_expired"
    if parameters.get("redirect_uri") != grant.redirect_uri:
        return "redirect_uri_differs"
    if not verifier_fits(grant.code_challenge, parameters.get("code_verifier")):
        return "code_verifier_differs"
    return why_dead(grant, now)


def by_refresh_token(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """A refresh token serves once; one that comes again kills the whole family (RFC 9700 §4.14.2)."""
    presented = required(parameters, "refresh_token")
    grant = Grant.objects.whole().filter(family=presented.partition(".")[0], client=client).first()
    if grant is None or not client.refresh_tokens:
        raise OAuthError("invalid_grant", "the refresh token is not one of this client")
    if not set(parameters.get("scope", "").split()) <= set(grant.scope.split()):
        raise OAuthError("invalid_scope", "scope is wider than what was granted")
    if reason := why_dead(grant, now):
        raise _refused(grant, reason)
    tokens = Tokens.new(grant.family)
    if not grant.rotate(presented, tokens, now):
        raise _replayed(grant, Event.REFRESH_TOKEN_REPLAYED, now)
    return _answer(grant, tokens, "refresh_token", now)


ACTS = {"authorization_code": by_code, "refresh_token": by_refresh_token}


def _answer(grant: Grant, tokens: Tokens, grant_type: str, now: datetime) -> dict[str, Any]:
    record(
        Event.TOKEN_ISSUED, grant.agent,
        client_id=grant.client.client_id, acr=grant.acr, sid=str(grant.session_id), grant_type=grant_type,
    )  # fmt: skip
    nonce = grant.nonce if grant_type == "authorization_code" else ""  # OpenID Connect Core §12.2
    answer = {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        "scope": grant.scope,
        "id_token": id_token(grant, tokens.access, nonce, now),
    }
    return answer | ({"refresh_token": tokens.refresh} if tokens.refresh else {})


def _refused(grant: Grant, reason: str) -> OAuthError:
    record(Event.TOKEN_REFUSED, grant.agent, client_id=grant.client.client_id, reason=reason)
    return OAuthError("invalid_grant", "it has expired, or what it stands for is not true any more")


def _replayed(grant: Grant, event: Event, now: datetime) -> OAuthError:
    """RFC 6749 §4.1.2: what comes twice may have been stolen; all that it gave is revoked."""
    grant.revoke(now)
    record(event, grant.agent, client_id=grant.client.client_id)
    return OAuthError("invalid_grant", "it has been used")
