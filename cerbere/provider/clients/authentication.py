"""How a client proves who it is (OpenID Connect Core §9): by secret, or by an assertion that its key signs."""

import base64
import binascii
from datetime import datetime
from urllib.parse import unquote_plus

from django.http import HttpRequest

from accounts import attempts
from cerbere.audit.context import client_address
from cerbere.core import times
from cerbere.provider.clients import assertion
from cerbere.provider.clients.models import Client
from cerbere.provider.clients.queries import find_client_by_id
from cerbere.provider.errors import ClientError, OAuthError
from cerbere.provider.parameters import Parameters

METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


class TooManyFailures(OAuthError):
    """One source fails again and again: it is told to wait (RFC 6585 §4)."""

    status = 429

    def __init__(self, seconds: str) -> None:
        super().__init__("invalid_client", "too many failures, see Retry-After")
        self.headers = {"Retry-After": seconds}


def authenticate(request: HttpRequest, parameters: Parameters, now: datetime, expected: Client | None = None) -> Client:
    """The client that sent this request; `expected` spares a statement if it is this one. Raises OAuthError."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    ways = [bool(header), "client_secret" in parameters, "client_assertion" in parameters]
    if sum(ways) > 1:
        raise OAuthError("invalid_request", "two ways of client authentication at once")
    if "client_assertion" in parameters:
        client = assertion.proved(parameters, now)
    else:
        client = _by_secret(*(_basic(header, parameters) if header else _post(parameters)), expected)
    if client is None:
        raise _failure(request, now)
    return client


def _by_secret(client_id: str, secret: str, expected: Client | None) -> Client | None:
    """A client that has registered keys proves itself by them only."""
    client = expected if expected and expected.client_id == client_id else find_client_by_id(client_id)
    usable = client is not None and client.enabled and not client.jwks
    return client if client and usable and client.secret_is(secret) else None


def _post(parameters: Parameters) -> tuple[str, str]:
    if "client_id" not in parameters or "client_secret" not in parameters:
        raise ClientError("no client authentication")
    return parameters["client_id"], parameters["client_secret"]


def _basic(header: str, parameters: Parameters) -> tuple[str, str]:
    """User and password, both form-encoded (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ClientError("Authorization is not readable") from None
    client_id, colon, secret = decoded.partition(":")
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if scheme.lower() != "basic" or not colon or "\0" in client_id + secret:
        raise ClientError("Authorization is not readable")
    if parameters.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_request", "client_id differs from the one in Authorization")
    return client_id, secret


def _failure(request: HttpRequest, now: datetime) -> OAuthError:
    wait_until = attempts.count_client_failure(client_address(request), now)
    return TooManyFailures(times.format_retry_after(wait_until, now)) if wait_until else ClientError()
