"""private_key_jwt: an assertion that the client's registered key signs, once (RFC 7523 §3)."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from cerbere.provider.clients.models import Client, UsedAssertion
from cerbere.provider.hashes import digest
from cerbere.provider.keys.ring import ALGORITHMS
from cerbere.provider.keys.signing import GARBAGE
from cerbere.provider.parameters import Parameters

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,100}")  # as Client.client_id
ENDPOINTS = ("token", "push", "revoke", "introspect")
NUMBER = (int, float)  # RFC 7519 §2, NumericDate: fractions of seconds too
LEEWAY = 60  # seconds
LONGEST_LIFE = 3600  # seconds from now to `exp`: how long a `jti` must be remembered


def proved(parameters: Parameters, now: datetime) -> Client | None:
    """The client whose key signed this assertion; None for any fault. A `jti` serves once."""
    if parameters.get("client_assertion_type") != TYPE:
        return None
    client = _claimed(parameters)
    claims = _claims(client, parameters["client_assertion"]) if client else None
    if client is None or claims is None or not _is_sound(claims, client, int(now.timestamp())):
        return None
    return client if _first_use(client, claims) else None


def _claimed(parameters: Parameters) -> Client | None:
    """Whose assertion it says to be, before anything of it is believed."""
    try:
        told = json.loads(extract_compact(parameters["client_assertion"].encode()).payload)
    except (JoseError, *GARBAGE):
        return None
    client_id = told.get("sub") if isinstance(told, dict) else None
    if not isinstance(client_id, str) or not SLUG.fullmatch(client_id):  # what no database could hold is asked of none
        return None
    if parameters.get("client_id", client_id) != client_id:
        return None
    return Client.objects.filter(client_id=client_id, enabled=True).exclude(jwks={}).first()


def _claims(client: Client, assertion: str) -> dict[str, Any] | None:
    try:
        return dict(jwt.decode(assertion, KeySet.import_key_set(client.jwks), algorithms=ALGORITHMS).claims)
    except (JoseError, *GARBAGE):
        return None


def _is_sound(claims: dict[str, Any], client: Client, now: int) -> bool:
    """Issuer and subject are the client, the audience is us, the life is short, the `jti` is there.

    We are our issuer and each endpoint that asks for an assertion (RFC 9126 §2).
    """
    audience = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    ours = {settings.PUBLIC_URL, *(settings.PUBLIC_URL + reverse(name) for name in ENDPOINTS)}
    ends, starts = claims.get("exp"), claims.get("nbf", 0)
    return (
        claims.get("iss") == claims.get("sub") == client.client_id
        and any(isinstance(told, str) and told in ours for told in audience)
        and isinstance(ends, NUMBER) and now - LEEWAY < ends <= now + LONGEST_LIFE
        and isinstance(starts, NUMBER) and starts <= now + LEEWAY
        and isinstance(claims.get("jti"), str) and bool(claims["jti"])
    )  # fmt: skip


def _first_use(client: Client, claims: dict[str, Any]) -> bool:
    forgotten_at = datetime.fromtimestamp(claims["exp"] + LEEWAY, tz=UTC)
    try:
        with transaction.atomic():
            UsedAssertion.objects.create(client=client, jti_digest=digest(claims["jti"]), expires_at=forgotten_at)
    except IntegrityError:
        return False
    return True
