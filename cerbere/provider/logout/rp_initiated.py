"""RP-initiated logout: read what an application asks, then end the session when the agent is known to want it."""

from dataclasses import dataclass

from django.contrib.auth import logout
from django.http import HttpRequest

from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import PageError
from cerbere.provider.keys import signing
from cerbere.provider.parameters import Parameters
from cerbere.provider.responses import add_query
from cerbere.provider.tokens.subjects import subject

MAXIMUM_STATE = 4096  # characters
PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True)
class LogoutRequest:
    """OpenID Connect RP-Initiated Logout §2, checked. `sub` is None without a hint: then the agent is asked."""

    client: Client | None = None
    sub: str | None = None
    redirect_to: str | None = None


def read(parameters: Parameters) -> LogoutRequest:
    """Raises PageError for a hint that is not ours, or an address that this client has not registered.

    Without a hint nothing tells who asks, so nobody is redirected anywhere (§3).
    """
    hint = parameters.get("id_token_hint")
    if hint is None:
        return LogoutRequest()
    claims = signing.read_own_token(hint)
    if claims is None or parameters.get("client_id", claims["aud"]) != claims["aud"]:
        raise PageError("invalid_request", "id_token_hint is not a token of ours for this client")
    client = Client.objects.filter(client_id=claims["aud"], enabled=True).first()
    if client is None:
        raise PageError("invalid_client", "the client of id_token_hint is not known")
    return LogoutRequest(client, str(claims["sub"]), _destination(parameters, client))


def _destination(parameters: Parameters, client: Client) -> str | None:
    uri = parameters.get("post_logout_redirect_uri")
    if uri is None:
        return None
    if uri not in client.post_logout_redirect_uris:
        raise PageError("invalid_request", "post_logout_redirect_uri is not registered for this client")
    return add_query(uri, state=parameters.get("state", "")[:MAXIMUM_STATE] or None)


def may_end_at_once(request: HttpRequest, asked: LogoutRequest) -> bool:
    """Nobody is signed in, or the token is of this very agent: an image of another site has none."""
    agent = request.user
    if not isinstance(agent, Agent):
        return True
    return asked.client is not None and asked.sub == subject(agent, asked.client)


def end(request: HttpRequest, asked: LogoutRequest) -> None:
    if isinstance(request.user, Agent):
        client_id = asked.client.client_id if asked.client else ""
        record(Event.LOGOUT_BY_CLIENT, request.user, client_id=client_id)
    logout(request)
