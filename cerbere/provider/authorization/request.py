"""Read and check authorization requests, parameter by parameter (OpenID Connect Core §3.1.2.1)."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cerbere.provider.authorization.policy import Demand
from cerbere.provider.clients.models import Client
from cerbere.provider.clients.queries import find_client_by_id
from cerbere.provider.errors import OAuthError, PageError
from cerbere.provider.keys import signing
from cerbere.provider.parameters import Parameters
from cerbere.provider.pkce import CHALLENGE

RESPONSE_MODES = ["query", "form_post"]
TEXT_LIMIT = 4096  # characters of state or nonce, which the client gets back unchanged
MAX_AGE_LIMIT = 10 * 365 * 86400  # seconds; with a longer one every authentication is fresh enough


@dataclass(frozen=True)
class AuthorizationRequest:
    client: Client
    parameters: Parameters
    received_at: datetime
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    hinted_sub: str | None = None

    @property
    def redirect_uri(self) -> str:
        return self.parameters["redirect_uri"]

    @property
    def scope(self) -> frozenset[str]:
        return frozenset(self.parameters.get("scope", "").split())

    def make_demand(self, sub: str | None) -> Demand:
        """Return the requirements on the authentication; `sub` is the subject of the session, if any."""
        acr = self.claims.get("id_token", {}).get("acr") or {}
        values = tuple(acr.get("values") or ([acr["value"]] if acr.get("value") else []))
        essential = values if acr.get("essential") and values else None
        voluntary = tuple(self.parameters.get("acr_values", "").split()) or (() if essential else values)
        differs = self.hinted_sub is not None and sub is not None and self.hinted_sub != sub
        return Demand(self.received_at, self.prompt, self.max_age, voluntary, essential, differs)


def find_client(parameters: Parameters) -> Client:
    """Return the client that has registered this redirect_uri. Raises PageError."""
    client = find_client_by_id(parameters.get("client_id", ""))
    if client is None or not client.enabled:
        raise PageError("invalid_client", "client_id is not known")
    if parameters.get("redirect_uri") not in client.redirect_uris:
        raise PageError("invalid_request", "redirect_uri is not registered for this client")
    return client


def read_authorization_request(parameters: Parameters, client: Client, received_at: datetime) -> AuthorizationRequest:
    """Check the parameters in the order of CHECKS, and return the request. Raises OAuthError, for redirect_uri."""
    for check in CHECKS:
        check(parameters, client)
    claims = read_claims(parameters)
    return AuthorizationRequest(
        client, parameters, received_at, read_prompt(parameters), read_max_age(parameters), claims,
        read_hinted_sub(parameters, client, claims),
    )  # fmt: skip


def check_text(parameters: Parameters, _: Client) -> None:
    if any(len(parameters.get(name, "")) > TEXT_LIMIT for name in ("state", "nonce")):
        raise OAuthError("invalid_request", "state or nonce is too long")


def check_request_object(parameters: Parameters, _: Client) -> None:
    """Refuse request objects, which are not supported and never fetched (OpenID Connect Core §6)."""
    if "request" in parameters:
        raise OAuthError("request_not_supported")
    if "request_uri" in parameters:
        raise OAuthError("request_uri_not_supported")


def check_response_type(parameters: Parameters, _: Client) -> None:
    if "response_type" not in parameters:
        raise OAuthError("invalid_request", "response_type is missing")
    if parameters["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "only code is supported")
    if parameters.get("response_mode", "query") not in RESPONSE_MODES:
        raise OAuthError("invalid_request", "response_mode is not supported")


def check_scope(parameters: Parameters, _: Client) -> None:
    if "openid" not in parameters.get("scope", "").split():
        raise OAuthError("invalid_scope", "scope must hold openid")


def check_pkce(parameters: Parameters, client: Client) -> None:
    """Check that a code_challenge is present where it is needed, with S256 (RFC 7636 §4.3)."""
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None and method is None and not client.pkce_required:
        return
    if method != "S256" or challenge is None or not CHALLENGE.match(challenge):
        raise OAuthError("invalid_request", "a code_challenge with code_challenge_method=S256 is required")


CHECKS = (check_text, check_request_object, check_response_type, check_scope, check_pkce)


def read_prompt(parameters: Parameters) -> frozenset[str]:
    prompt = frozenset(parameters.get("prompt", "").split())
    if "none" in prompt and len(prompt) > 1:
        raise OAuthError("invalid_request", "prompt=none excludes any other value")
    return prompt


def read_max_age(parameters: Parameters) -> int | None:
    value = parameters.get("max_age")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 20):
        raise OAuthError("invalid_request", "max_age must be a number of seconds")
    return min(int(value), MAX_AGE_LIMIT)


def read_claims(parameters: Parameters) -> dict[str, Any]:
    """Return the members `id_token` and `userinfo` of the `claims` parameter (OpenID Connect Core §5.5)."""
    if "claims" not in parameters:
        return {"id_token": {}, "userinfo": {}}
    try:
        claims = json.loads(parameters["claims"], parse_constant=_refuse_constant)
        json.dumps(claims, ensure_ascii=False, allow_nan=False).encode()  # fails for what no database can store
    except (ValueError, RecursionError) as error:
        raise OAuthError("invalid_request", "claims is not JSON") from error
    if not isinstance(claims, dict) or "\\u0000" in parameters["claims"]:
        raise OAuthError("invalid_request", "claims is not an object")
    parts = {name: claims.get(name) or {} for name in ("id_token", "userinfo")}
    if not all(isinstance(part, dict) for part in parts.values()) or not _is_valid_acr(parts["id_token"]):
        raise OAuthError("invalid_request", "claims is not understood")
    return parts


def _is_valid_acr(id_token: dict[str, Any]) -> bool:
    acr = id_token.get("acr") or {}
    if not isinstance(acr, dict):
        return False
    values = acr.get("values", [])
    return isinstance(values, list) and all(isinstance(value, str) for value in [*values, acr.get("value", "")])


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def read_hinted_sub(parameters: Parameters, client: Client, claims: dict[str, Any]) -> str | None:
    """Return the subject of id_token_hint, which must be an ID token of ours for this client, expired or not."""
    hint = parameters.get("id_token_hint")
    if hint is None:
        return _read_claimed_sub(claims)
    token = signing.read_own_token(hint)
    if token is None or token.get("aud") != client.client_id:
        raise OAuthError("invalid_request", "id_token_hint is not a token of ours for this client")
    return str(token["sub"])


def _read_claimed_sub(claims: dict[str, Any]) -> str | None:
    """Return the one subject that the `claims` parameter accepts, if any (OpenID Connect Core §5.5.1)."""
    sub = claims["id_token"].get("sub") or {}
    value = sub.get("value") if isinstance(sub, dict) else None
    return value if isinstance(value, str) else None
