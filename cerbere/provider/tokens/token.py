"""The token endpoint's act: authenticate the client, then what each grant type gives."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from cerbere.provider.clients.authentication import authenticate
from cerbere.provider.errors import OAuthError
from cerbere.provider.hashes import digest
from cerbere.provider.parameters import Parameters
from cerbere.provider.tokens.issue import required
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.redeem_code import redeem_code
from cerbere.provider.tokens.refresh import refresh


def token(request: HttpRequest, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Return the members of the token response. Raises OAuthError; what is used twice revokes what it gave.

    What the request presents is read before the client is authenticated, and with it: one statement for both.
    """
    grant_type = parameters.get("grant_type", "")
    grant = READERS[grant_type](parameters) if grant_type in READERS else None
    client = authenticate(request, parameters, now, grant.client if grant else None)
    required(parameters, "grant_type")
    if grant_type not in ACTS:
        raise OAuthError("unsupported_grant_type", f"only {' and '.join(ACTS)} are supported")
    return ACTS[grant_type](client, grant, parameters, now)


def _by_code(parameters: Parameters) -> Grant | None:
    return find_grant(code_digest=digest(parameters["code"])) if "code" in parameters else None


def _by_family(parameters: Parameters) -> Grant | None:
    """A used refresh token still names the family that it was of."""
    return find_grant(family=parameters.get("refresh_token", "").partition(".")[0])


def find_grant(**key: str) -> Grant | None:
    return Grant.objects.with_validity_relations().filter(**key).first()


READERS = {"authorization_code": _by_code, "refresh_token": _by_family}
ACTS = {"authorization_code": redeem_code, "refresh_token": refresh}
