"""The token endpoint's act (OpenID Connect Core §3.1.3 and §12): what each grant type gives."""

import secrets
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.authorization.request import Parameters
from cerbere.provider.clients.authentication import authenticate
from cerbere.provider.errors import OAuthError
from cerbere.provider.models import (
    ACCESS_TOKEN_LIFETIME,
    CODE_LIFETIME,
    Client,
    Grant,
    Tokens,
    digest,
)
from cerbere.provider.pkce import verifier_fits
from cerbere.provider.tokens.claims import known_scopes, scope_of
from cerbere.provider.tokens.grants import id_token, invalid_reason


def token(request: HttpRequest, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """The answer's members. Raises OAuthError; what is used twice revokes what it gave.

    What the request presents is read before the client is authenticated, and with it: one statement for both.
    """
    grant_type = parameters.get("grant_type", "")
    grant = READERS[grant_type](parameters) if grant_type in READERS else None
    client = authenticate(request, parameters, now, grant.client if grant else None)
    required(parameters, "grant_type")
    if grant_type not in ACTS:
        raise OAuthError("unsupported_grant_type", f"only {' and '.join(ACTS)} are supported")
    return ACTS[grant_type](client, grant, parameters, now)


def required(parameters: Parameters, name: str) -> str:
    if name not in parameters:
        raise OAuthError("invalid_request", f"{name} is missing")
    return parameters[name]


def _by_code(parameters: Parameters) -> Grant | None:
    return _find(code_digest=digest(parameters["code"])) if "code" in parameters else None


def _by_family(parameters: Parameters) -> Grant | None:
    """A used refresh token still names the family that it was of."""
    return _find(family=parameters.get("refresh_token", "").partition(".")[0])


def _find(**key: str) -> Grant | None:
    return Grant.objects.with_validity_relations().filter(**key).first()


READERS = {"authorization_code": _by_code, "refresh_token": _by_family}


def redeem(client: Client, grant: Grant | None, parameters: Parameters, now: datetime) -> dict[str, Any]:
    required(parameters, "code")
    if grant is None or grant.client_id != client.pk:
        raise OAuthError("invalid_grant", "the code is not one of this client")
    if grant.redeemed_at:
        raise _replayed(grant, Event.CODE_REPLAYED, now)
    if reason := _why_not(grant, parameters, now):
        raise _refused(grant, reason)
    tokens = Tokens.new(secrets.token_urlsafe(16) if client.refresh_tokens else None)
    with transaction.atomic():
        redeemed = grant.redeem(tokens, now)
        if redeemed:
            _record_issued(grant, parameters)
    if not redeemed:
        raise _replayed(grant, Event.CODE_REPLAYED, now)
    return _answer(grant, tokens, grant.nonce, now)


def _why_not(grant: Grant, parameters: Parameters, now: datetime) -> str | None:
    if now >= grant.created_at + CODE_LIFETIME:
        return "code_expired"
    if parameters.get("redirect_uri") != grant.redirect_uri:
        return "redirect_uri_differs"
    if not verifier_fits(grant.code_challenge, parameters.get("code_verifier")):
        return "code_verifier_differs"
    return invalid_reason(grant, now)


def refresh(client: Client, grant: Grant | None, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """A refresh token serves once; one that comes again kills the whole family (RFC 9700 §4.14.2)."""
    presented = required(parameters, "refresh_token")
    if grant is None or grant.client_id != client.pk or not client.refresh_tokens:
        raise OAuthError("invalid_grant", "the refresh token is not one of this client")
    if not grant.has_refresh_token(presented):
        raise _replayed(grant, Event.REFRESH_TOKEN_REPLAYED, now)
    if not set(known_scopes(parameters.get("scope", ""), ())) <= set(grant.scope.split()):
        raise OAuthError("invalid_scope", "scope is wider than what was granted")
    if reason := invalid_reason(grant, now):
        raise _refused(grant, reason)
    tokens = Tokens.new(grant.family)
    with transaction.atomic():
        rotated = grant.rotate(presented, tokens, now)
        if rotated:
            _record_issued(grant, parameters)
    if not rotated:
        raise _replayed(grant, Event.REFRESH_TOKEN_REPLAYED, now)
    return _answer(grant, tokens, "", now)  # without the nonce: OpenID Connect Core §12.2


ACTS = {"authorization_code": redeem, "refresh_token": refresh}


def _record_issued(grant: Grant, parameters: Parameters) -> None:
    record(
        Event.TOKEN_ISSUED, grant.agent, client_id=grant.client.client_id,
        acr=grant.acr, sid=str(grant.session_id), grant_type=parameters["grant_type"],
    )  # fmt: skip


def _answer(grant: Grant, tokens: Tokens, nonce: str, now: datetime) -> dict[str, Any]:
    answer = {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        "scope": scope_of(grant),
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
