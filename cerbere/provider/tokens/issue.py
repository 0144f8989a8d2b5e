"""The parts that the grant types share: the token response, its event, and the refusals."""

from datetime import datetime
from typing import Any

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.errors import OAuthError
from cerbere.provider.parameters import Parameters
from cerbere.provider.tokens.id_token import make_id_token
from cerbere.provider.tokens.models import ACCESS_TOKEN_LIFETIME, Grant, Tokens


def require_parameter(parameters: Parameters, name: str) -> str:
    if name not in parameters:
        raise OAuthError("invalid_request", f"{name} is missing")
    return parameters[name]


def record_issued_tokens(grant: Grant, parameters: Parameters) -> None:
    record(
        Event.TOKEN_ISSUED, grant.agent, client_id=grant.client.client_id,
        acr=grant.acr, sid=str(grant.session_id), grant_type=parameters["grant_type"],
    )  # fmt: skip


def make_token_response(grant: Grant, tokens: Tokens, nonce: str, now: datetime) -> dict[str, Any]:
    answer = {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        "scope": grant.known_scope,
        "id_token": make_id_token(grant, tokens.access, nonce, now),
    }
    return answer | ({"refresh_token": tokens.refresh} if tokens.refresh else {})


def refuse_grant(grant: Grant, reason: str) -> OAuthError:
    """Record the refusal, and return the error to raise."""
    record(Event.TOKEN_REFUSED, grant.agent, client_id=grant.client.client_id, reason=reason)
    return OAuthError("invalid_grant", "it has expired, or what it stands for is not true any more")


def revoke_replayed_grant(grant: Grant, event: Event, now: datetime) -> OAuthError:
    """Revoke a grant whose code or refresh token was used twice, as a stolen one is (RFC 6749 §4.1.2)."""
    grant.revoke(now)
    record(event, grant.agent, client_id=grant.client.client_id)
    return OAuthError("invalid_grant", "it has been used")
