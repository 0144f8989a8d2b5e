"""Revoke tokens (RFC 7009)."""

from datetime import datetime

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import OAuthError
from cerbere.provider.hashes import digest
from cerbere.provider.parameters import Parameters
from cerbere.provider.tokens.issue import require_parameter
from cerbere.provider.tokens.models import Grant


def revoke(client: Client, parameters: Parameters, now: datetime) -> None:
    """Revoke an access token, or the whole grant of a refresh token, even of a used one.

    An unknown token is no error (§2.2). Raises OAuthError without a token, and for one of another client (§2.1).
    """
    token = require_parameter(parameters, "token")
    grant = Grant.objects.find_by_token(token) or Grant.objects.filter(family=token.partition(".")[0]).first()
    if grant is None:
        return
    if grant.client != client:
        raise OAuthError("invalid_grant", "the token is not one of this client")
    if grant.access_digest == digest(token):
        Grant.objects.filter(pk=grant.pk).update(access_expires_at=now)
    else:
        grant.revoke(now)
    record(Event.TOKEN_REVOKED, grant.agent, client_id=client.client_id)
