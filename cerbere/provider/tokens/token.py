"""Answer token requests: authenticate the client, then issue the tokens of the grant type."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from cerbere.provider.clients.authentication import authenticate_client
from cerbere.provider.errors import OAuthError
from cerbere.provider.hashes import digest
from cerbere.provider.parameters import Parameters
from cerbere.provider.tokens.issue import require_parameter
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.queries import GRANT_BY_CODE, GRANT_BY_FAMILY, find_grant
from cerbere.provider.tokens.redeem_code import redeem_code
from cerbere.provider.tokens.refresh import refresh


def token(request: HttpRequest, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Return the members of the token response. Raises OAuthError.

    The grant is read before the client is authenticated, so that one statement reads both.
    """
    grant_type = parameters.get("grant_type", "")
    grant = GRANT_FINDERS[grant_type](parameters) if grant_type in GRANT_FINDERS else None
    client = authenticate_client(request, parameters, now, grant.client if grant else None)
    require_parameter(parameters, "grant_type")
    if grant_type not in GRANT_TYPES:
        raise OAuthError("unsupported_grant_type", f"only {' and '.join(GRANT_TYPES)} are supported")
    return GRANT_TYPES[grant_type](client, grant, parameters, now)


def _find_grant_by_code(parameters: Parameters) -> Grant | None:
    return find_grant(GRANT_BY_CODE, digest(parameters["code"])) if "code" in parameters else None


def _find_grant_by_family(parameters: Parameters) -> Grant | None:
    """Return the grant by the family that a refresh token names, even a used one."""
    return find_grant(GRANT_BY_FAMILY, parameters.get("refresh_token", "").partition(".")[0])


GRANT_FINDERS = {"authorization_code": _find_grant_by_code, "refresh_token": _find_grant_by_family}
GRANT_TYPES = {"authorization_code": redeem_code, "refresh_token": refresh}
