"""Pushed authorization requests (RFC 9126): sent ahead by an authenticated client, named once by the browser."""

from datetime import datetime, timedelta
from typing import Any

from cerbere.provider.authorization.models import PushedRequest
from cerbere.provider.authorization.request import find_client, read
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import OAuthError, PageError
from cerbere.provider.hashes import digest, new_secret
from cerbere.provider.parameters import Parameters

PREFIX = "urn:ietf:params:oauth:request_uri:"
PUSHED_FOR = timedelta(seconds=60)
OF_THE_CLIENT = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


def push(client: Client, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Keep a request that would be accepted; its name, for PUSHED_FOR. Raises OAuthError for any fault (§2.3)."""
    asked = {name: value for name, value in parameters.items() if name not in OF_THE_CLIENT}
    asked["client_id"] = client.client_id
    if "request_uri" in asked:
        raise OAuthError("invalid_request", "request_uri cannot be pushed")
    read(asked, find_client(asked), now)
    request_uri = PREFIX + new_secret()
    PushedRequest.objects.create(
        request_uri_digest=digest(request_uri), client=client, parameters=asked, expires_at=now + PUSHED_FOR
    )
    return {"request_uri": request_uri, "expires_in": int(PUSHED_FOR.total_seconds())}


def load_pushed_request(parameters: Parameters, now: datetime) -> Parameters:
    """The pushed request that these parameters name, which is then used up; else they themselves.

    Raises PageError for a name that is unknown, used, expired or another client's.
    """
    request_uri = parameters.get("request_uri", "")
    if not request_uri.startswith(PREFIX):
        return parameters
    named = PushedRequest.objects.filter(
        request_uri_digest=digest(request_uri), expires_at__gt=now, client__client_id=parameters.get("client_id")
    )
    pushed = named.first()
    if pushed is None or named.delete()[0] != 1:
        raise PageError("expired", "request_uri is unknown, used or expired")
    return dict(pushed.parameters)
