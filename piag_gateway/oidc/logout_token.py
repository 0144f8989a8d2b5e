"""What a logout token must prove (OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6). Pure, as for ID tokens.

Whether it has served before is asked apart: that needs a memory.
"""

from collections.abc import Callable

from piag_gateway.faults import TokenRefused
from piag_gateway.oidc.id_token import (
    LEEWAY,
    Claims,
    Expected,
    check_expiry,
    check_identifier,
    check_issued_at,
    check_issuer,
    seconds,
    verified,
)
from piag_gateway.oidc.keys import SigningKey

TYPE = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAXIMUM_AGE = 300  # seconds since it was issued: a retry brings a new one
KEPT_SECONDS = MAXIMUM_AGE + LEEWAY  # since then too: how long a spent one is remembered, whatever node is asked
NAMES = ("sid", "sub")  # what says which sessions end


def claims_of(token: str, find_key: Callable[[Claims], SigningKey], expected: Expected) -> Claims:
    """The claims of a logout token that holds; TokenRefused otherwise."""
    decoded = verified(token, find_key)
    check_type(decoded.header)
    for rule in RULES:
        rule(decoded.claims, expected)
    return decoded.claims


def check_type(header: Claims) -> None:
    """Named as what it is, so that no other token of Cerbère passes for one (RFC 8725 §3.11)."""
    if header.get("typ") != TYPE:
        raise TokenRefused("typ")


def check_audience(claims: Claims, expected: Expected) -> None:
    """For us and for nobody else."""
    if claims.get("aud") not in (expected.client_id, [expected.client_id]):
        raise TokenRefused("aud")


def check_age(claims: Claims, expected: Expected) -> None:
    if seconds(claims, "iat") < expected.now - MAXIMUM_AGE:
        raise TokenRefused("iat")


def check_identifiers(claims: Claims, _: Expected) -> None:
    """`sid`, `sub` or both say which sessions end."""
    named = [name for name in NAMES if name in claims]
    if not named:
        raise TokenRefused("sid_or_sub")
    for name in named:
        check_identifier(claims, name)


def check_event(claims: Claims, _: Expected) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise TokenRefused("events")


def check_no_nonce(claims: Claims, _: Expected) -> None:
    """Prohibited, so that a logout token is never taken for an ID token nor the other way round."""
    if "nonce" in claims:
        raise TokenRefused("nonce")


def check_token_id(claims: Claims, _: Expected) -> None:
    check_identifier(claims, "jti")


RULES = (
    check_issuer,
    check_audience,
    check_expiry,
    check_issued_at,
    check_age,
    check_identifiers,
    check_event,
    check_no_nonce,
    check_token_id,
)
