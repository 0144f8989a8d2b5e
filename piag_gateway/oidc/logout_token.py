"""The validation of logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6).

The functions are pure, as in id_token.py. Whether a token has been used before is checked in backchannel_logout.py,
which has the database.
"""

from collections.abc import Callable

from piag_gateway.faults import TokenRefused
from piag_gateway.oidc.id_token import (
    LEEWAY,
    Claims,
    Expectations,
    check_expiry,
    check_identifier,
    check_issued_at,
    check_issuer,
    read_timestamp,
    verify_signature,
)
from piag_gateway.oidc.keys import SigningKey

TOKEN_TYPE = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAXIMUM_AGE = 300  # seconds since it was issued; when Cerbère tries again it sends a new token
RETENTION_SECONDS = MAXIMUM_AGE + LEEWAY  # how long after `iat` a used token is remembered; then its age refuses it
SESSION_CLAIMS = ("sid", "sub")  # the claims that say which sessions end


def decode_logout_token(token: str, find_key: Callable[[Claims], SigningKey], expected: Expectations) -> Claims:
    """Return the claims of a logout token after checking its signature, its type and RULES; raise TokenRefused."""
    decoded = verify_signature(token, find_key)
    check_type(decoded.header)
    for check in RULES:
        check(decoded.claims, expected)
    return decoded.claims


def check_type(header: Claims) -> None:
    """Check `typ`, so that no other token of Cerbère is taken for a logout token (RFC 8725 §3.11)."""
    if header.get("typ") != TOKEN_TYPE:
        raise TokenRefused("typ")


def check_audience(claims: Claims, expected: Expectations) -> None:
    """Check that the token is for PIAG alone."""
    if claims.get("aud") not in (expected.client_id, [expected.client_id]):
        raise TokenRefused("aud")


def check_age(claims: Claims, expected: Expectations) -> None:
    if read_timestamp(claims, "iat") < expected.now - MAXIMUM_AGE:
        raise TokenRefused("iat")


def check_session_claims(claims: Claims, _: Expectations) -> None:
    """Check that `sid`, `sub` or both say which sessions end."""
    names = [name for name in SESSION_CLAIMS if name in claims]
    if not names:
        raise TokenRefused("sid_or_sub")
    for name in names:
        check_identifier(claims, name)


def check_event(claims: Claims, _: Expectations) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise TokenRefused("events")


def check_no_nonce(claims: Claims, _: Expectations) -> None:
    """Check that there is no `nonce`, so that neither an ID token nor a logout token passes for the other."""
    if "nonce" in claims:
        raise TokenRefused("nonce")


def check_token_id(claims: Claims, _: Expectations) -> None:
    check_identifier(claims, "jti")


RULES = (
    check_issuer,
    check_audience,
    check_expiry,
    check_issued_at,
    check_age,
    check_session_claims,
    check_event,
    check_no_nonce,
    check_token_id,
)
