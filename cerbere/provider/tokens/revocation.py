"""Revocation (RFC 7009): a token is worth nothing any more."""

from datetime import datetime

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import OAuthError
from cerbere.provider.hashes import digest
from cerbere.provider.parameters import Parameters
from cerbere.provider.tokens.issue import required
from cerbere.provider.tokens.models import Grant


def revoke(client: Client, parameters: Parameters, now: datetime) -> None:
    """A refresh token, also a used one, takes everything of its grant with it, an access token only itself.

    Silent for what is unknown (§2.2). Raises OAuthError without a token, and for another client's (§2.1).
    """
    token = required(parameters, "token")
    grant = Grant.objects.by_token(token) or Grant.objects.filter(family=token.partition(".")[0]).first()
    if grant is None:
        return
    if grant.client != client:
        raise OAuthError("invalid_grant", "the token is not one of this client")
    if grant.access_digest == digest(token):
        Grant.objects.filter(pk=grant.pk).update(access_expires_at=now)
    else:
        grant.revoke(now)
    record(Event.TOKEN_REVOKED, grant.agent, client_id=client.client_id)
