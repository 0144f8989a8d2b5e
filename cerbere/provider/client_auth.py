"""How a client proves who it is: client_secret_basic or client_secret_post (OpenID Connect Core §9)."""

import base64
import binascii
from datetime import datetime
from urllib.parse import unquote_plus

from django.http import HttpRequest

from accounts import attempts, times
from cerbere.audit.context import client_address
from cerbere.provider.errors import ClientError, OAuthError
from cerbere.provider.models import Client
from cerbere.provider.request import Parameters

METHODS = ["client_secret_basic", "client_secret_post"]


class TooManyFailures(OAuthError):
    """One source fails again and again: it is told to wait (RFC 6585 §4)."""

    status = 429

    def __init__(self, seconds: str) -> None:
        super().__init__("invalid_client", "too many failures, see Retry-After")
        self.headers = {"Retry-After": seconds}


def authenticate(request: HttpRequest, parameters: Parameters, now: datetime) -> Client:
    """The client that sent this request. Raises OAuthError."""
    client_id, secret = _credentials(request, parameters)
    client = Client.objects.filter(client_id=client_id, enabled=True).first()
    if client is None or not client.secret_is(secret):
        raise _failure(request, now)
    return client


def _credentials(request: HttpRequest, parameters: Parameters) -> tuple[str, str]:
    header = request.headers.get("Authorization", "")
    if header and "client_secret" in parameters:
        raise OAuthError("invalid_request", "two ways of client authentication at once")
    if header:
        client_id, secret = _basic(header)
        if parameters.get("client_id", client_id) != client_id:
            raise OAuthError("invalid_request", "client_id differs from the one in Authorization")
        return client_id, secret
    if "client_id" not in parameters or "client_secret" not in parameters:
        raise ClientError("no client authentication")
    return parameters["client_id"], parameters["client_secret"]


def _basic(header: str) -> tuple[str, str]:
    """User and password, both form-encoded (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ClientError("Authorization is not readable") from None
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon or "\0" in decoded:
        raise ClientError("Authorization is not readable")
    return unquote_plus(client_id), unquote_plus(secret)


def _failure(request: HttpRequest, now: datetime) -> OAuthError:
    wait_until = attempts.count_client_failure(client_address(request), now)
    return TooManyFailures(times.retry_after(wait_until, now)) if wait_until else ClientError()
