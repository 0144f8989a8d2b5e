"""Authenticate clients by private_key_jwt: assertions that a registered key has signed (RFC 7523 §3)."""

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
from cerbere.provider.keys.signing import MALFORMED_TOKEN_ERRORS
from cerbere.provider.parameters import Parameters

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,100}")  # the same rule as Client.client_id
ENDPOINTS = ("token", "push", "revoke", "introspect")
NUMBER = (int, float)  # RFC 7519 §2, NumericDate: fractions of seconds too
LEEWAY = 60  # seconds
MAX_LIFETIME = 3600  # seconds from now to `exp`: a `jti` must be remembered that long


def find_client_by_assertion(parameters: Parameters, now: datetime) -> Client | None:
    """Return the client whose key signed this assertion, None for any fault. A `jti` is accepted once."""
    if parameters.get("client_assertion_type") != TYPE:
        return None
    client = _find_claimed_client(parameters)
    claims = _verify_claims(client, parameters["client_assertion"]) if client else None
    if client is None or claims is None or not _has_valid_claims(claims, client, int(now.timestamp())):
        return None
    return client if _burn_jti(client, claims) else None


def _find_claimed_client(parameters: Parameters) -> Client | None:
    """Return the client that the unverified assertion names, if it has registered keys."""
    try:
        payload = json.loads(extract_compact(parameters["client_assertion"].encode()).payload)
    except (JoseError, *MALFORMED_TOKEN_ERRORS):
        return None
    client_id = payload.get("sub") if isinstance(payload, dict) else None
    if not isinstance(client_id, str) or not SLUG.fullmatch(client_id):  # no database could hold another
        return None
    if parameters.get("client_id", client_id) != client_id:
        return None
    return Client.objects.filter(client_id=client_id, enabled=True).exclude(jwks={}).first()


def _verify_claims(client: Client, assertion: str) -> dict[str, Any] | None:
    try:
        return dict(jwt.decode(assertion, KeySet.import_key_set(client.jwks), algorithms=ALGORITHMS).claims)
    except (JoseError, *MALFORMED_TOKEN_ERRORS):
        return None


def _has_valid_claims(claims: dict[str, Any], client: Client, now: int) -> bool:
    """Check issuer, subject, audience, lifetime and the presence of a `jti` (RFC 7523 §3).

    The audience may be our issuer or the URL of an endpoint that authenticates clients (RFC 9126 §2).
    """
    audiences = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    accepted = {settings.PUBLIC_URL, *(settings.PUBLIC_URL + reverse(name) for name in ENDPOINTS)}
    expires, starts = claims.get("exp"), claims.get("nbf", 0)
    return (
        claims.get("iss") == claims.get("sub") == client.client_id
        and any(isinstance(audience, str) and audience in accepted for audience in audiences)
        and isinstance(expires, NUMBER) and now - LEEWAY < expires <= now + MAX_LIFETIME
        and isinstance(starts, NUMBER) and starts <= now + LEEWAY
        and isinstance(claims.get("jti"), str) and bool(claims["jti"])
    )  # fmt: skip


def _burn_jti(client: Client, claims: dict[str, Any]) -> bool:
    expires_at = datetime.fromtimestamp(claims["exp"] + LEEWAY, tz=UTC)
    try:
        with transaction.atomic():
            UsedAssertion.objects.create(client=client, jti_digest=digest(claims["jti"]), expires_at=expires_at)
    except IntegrityError:
        return False
    return True
