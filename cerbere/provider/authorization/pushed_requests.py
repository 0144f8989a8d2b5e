"""Pushed authorization requests (RFC 9126): sent by an authenticated client, then named by the browser."""

from datetime import datetime, timedelta
from typing import Any

from cerbere.provider.authorization.models import PushedRequest
from cerbere.provider.authorization.request import find_client, read_authorization_request
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import OAuthError, PageError
from cerbere.provider.hashes import digest, make_secret
from cerbere.provider.parameters import Parameters

REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"
PUSHED_FOR = timedelta(seconds=60)
CLIENT_CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


def push(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Store a valid request for PUSHED_FOR and return its request_uri. Raises OAuthError for any fault (§2.3)."""
    pushed = {name: value for name, value in parameters.items() if name not in CLIENT_CREDENTIALS}
    pushed["client_id"] = client.client_id
    if "request_uri" in pushed:
        raise OAuthError("invalid_request", "request_uri cannot be pushed")
    read_authorization_request(pushed, find_client(pushed), now)
    request_uri = REQUEST_URI_PREFIX + make_secret()
    PushedRequest.objects.create(
        request_uri_digest=digest(request_uri), client=client, parameters=pushed, expires_at=now + PUSHED_FOR
    )
    return {"request_uri": request_uri, "expires_in": int(PUSHED_FOR.total_seconds())}


def load_pushed_request(parameters: Parameters, now: datetime) -> Parameters:
    """Return and delete the parameters pushed under this request_uri; return the given ones when there is none.

    Raises PageError for a request_uri that is unknown, used, expired or of another client.
    """
    request_uri = parameters.get("request_uri", "")
    if not request_uri.startswith(REQUEST_URI_PREFIX):
        return parameters
    rows = PushedRequest.objects.filter(
        request_uri_digest=digest(request_uri), expires_at__gt=now, client__client_id=parameters.get("client_id")
    )
    pushed = rows.first()
    if pushed is None or rows.delete()[0] != 1:
        raise PageError("expired", "request_uri is unknown, used or expired")
    return dict(pushed.parameters)
