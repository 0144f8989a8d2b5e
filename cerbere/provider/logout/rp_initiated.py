"""Read logout requests of applications, and end the session (OpenID Connect RP-Initiated Logout)."""

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
from cerbere.provider.tokens.subjects import compute_subject

MAXIMUM_STATE = 4096  # characters
PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True)
class LogoutRequest:
    """A valid logout request (RP-Initiated Logout §2). Without an id_token_hint, all fields are None."""

    client: Client | None = None
    sub: str | None = None
    redirect_to: str | None = None


def read_logout_request(parameters: Parameters) -> LogoutRequest:
    """Check the parameters, and return the logout request. Without a hint, no redirect is allowed (§3).

    Raises PageError for a hint that is not a token of ours, or a URL that this client has not registered.
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
    return LogoutRequest(client, str(claims["sub"]), _read_redirect_url(parameters, client))


def _read_redirect_url(parameters: Parameters, client: Client) -> str | None:
    uri = parameters.get("post_logout_redirect_uri")
    if uri is None:
        return None
    if uri not in client.post_logout_redirect_uris:
        raise PageError("invalid_request", "post_logout_redirect_uri is not registered for this client")
    return add_query(uri, state=parameters.get("state", "")[:MAXIMUM_STATE] or None)


def can_end_at_once(request: HttpRequest, logout_request: LogoutRequest) -> bool:
    """Tell whether no confirmation is needed: nobody is signed in, or the ID token is of this agent.

    Without that proof, an image on another site could end the session.
    """
    agent = request.user
    if not isinstance(agent, Agent):
        return True
    return logout_request.client is not None and logout_request.sub == compute_subject(agent, logout_request.client)


def end_session(request: HttpRequest, logout_request: LogoutRequest) -> None:
    if isinstance(request.user, Agent):
        client_id = logout_request.client.client_id if logout_request.client else ""
        record(Event.LOGOUT_BY_CLIENT, request.user, client_id=client_id)
    logout(request)
