"""Authenticate clients by their secret or by an assertion that their key has signed (OpenID Connect Core §9)."""

import base64
import binascii
from datetime import datetime
from urllib.parse import unquote_plus

from django.http import HttpRequest

from accounts import attempts
from cerbere.audit.context import get_ip_address
from cerbere.core import times
from cerbere.provider.clients import assertion
from cerbere.provider.clients.models import Client
from cerbere.provider.clients.queries import find_client_by_id
from cerbere.provider.errors import ClientError, OAuthError
from cerbere.provider.parameters import Parameters

METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


class TooManyFailures(OAuthError):
    """Too many failed authentications from one IP address: the client must wait (RFC 6585 §4)."""

    status = 429

    def __init__(self, seconds: str) -> None:
        super().__init__("invalid_client", "too many failures, see Retry-After")
        self.headers = {"Retry-After": seconds}


def authenticate_client(
    request: HttpRequest, parameters: Parameters, now: datetime, expected: Client | None = None
) -> Client:
    """Return the client that sent this request. Raises OAuthError.

    `expected` is a client that was already read; the statement is spared when the request names it.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    methods = [bool(header), "client_secret" in parameters, "client_assertion" in parameters]
    if sum(methods) > 1:
        raise OAuthError("invalid_request", "two ways of client authentication at once")
    if "client_assertion" in parameters:
        client = assertion.find_client_by_assertion(parameters, now)
    else:
        credentials = _read_basic_secret(header, parameters) if header else _read_posted_secret(parameters)
        client = _find_client_by_secret(*credentials, expected)
    if client is None:
        raise _count_failure(request, now)
    return client


def _find_client_by_secret(client_id: str, secret: str, expected: Client | None) -> Client | None:
    """Return the client that has this secret; one that has registered keys must use these."""
    client = expected if expected and expected.client_id == client_id else find_client_by_id(client_id)
    usable = client is not None and client.enabled and not client.jwks
    return client if client and usable and client.check_secret(secret) else None


def _read_posted_secret(parameters: Parameters) -> tuple[str, str]:
    if "client_id" not in parameters or "client_secret" not in parameters:
        raise ClientError("no client authentication")
    return parameters["client_id"], parameters["client_secret"]


def _read_basic_secret(header: str, parameters: Parameters) -> tuple[str, str]:
    """Return client_id and secret from HTTP Basic, where both are form-encoded (RFC 6749 §2.3.1)."""
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


def _count_failure(request: HttpRequest, now: datetime) -> OAuthError:
    wait_until = attempts.count_client_failure(get_ip_address(request), now)
    return TooManyFailures(times.format_retry_after(wait_until, now)) if wait_until else ClientError()
