"""The validation of ID tokens (OpenID Connect Core §3.1.3.7).

The functions are pure: claims, keys and the time are arguments. Each rule is one `check_*` function that raises
with the name of the claim at fault; RULES lists them in order.
"""

import base64
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from piag_gateway.faults import TokenRefused, TooOld, TooWeak
from piag_gateway.oidc.keys import KEY_TYPES, SigningKey

LEEWAY = 60  # seconds by which the clocks of Cerbère and PIAG may differ
MAXIMUM_IDENTIFIER_LENGTH = 255  # characters; §2 sets it for `sub`
MAXIMUM_TIMESTAMP = 253_402_300_799  # seconds; the end of the year 9999, the last date that datetime can hold

Claims = Mapping[str, Any]


@dataclass(frozen=True)
class Expectations:
    """The values that the claims of a token are compared with."""

    issuer: str
    client_id: str
    now: float  # seconds since the epoch
    nonce: str = ""  # empty: no ID token is accepted
    max_age: int = 0  # seconds; 0: an authentication of any age is accepted


def decode_id_token(token: str, find_key: Callable[[Claims], SigningKey], expected: Expectations) -> Claims:
    """Return the claims of an ID token after checking its signature and RULES.

    Raises TokenRefused, or TooOld when only the age of the authentication is at fault. The strength of the
    authentication is not checked here: see check_strength.
    """
    claims = verify_signature(token, find_key).claims
    for check in RULES:
        check(claims, expected)
    return claims


def verify_signature(token: str, find_key: Callable[[Claims], SigningKey]) -> jwt.Token:
    """Decode a token that is signed with RS256 or ES256; refuse `none` and HMAC (rules 6 to 8)."""
    try:
        return jwt.decode(token, lambda message: find_key(message.headers()), algorithms=[*KEY_TYPES])
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused("signature") from error


def check_issuer(claims: Claims, expected: Expectations) -> None:
    if claims.get("iss") != expected.issuer:
        raise TokenRefused("iss")


def check_audience(claims: Claims, expected: Expectations) -> None:
    """Check that the token is for PIAG, and for a longer audience that `azp` names PIAG (rules 3 to 5)."""
    audience = claims.get("aud")
    if audience in (expected.client_id, [expected.client_id]):
        return
    if not isinstance(audience, list) or expected.client_id not in audience:
        raise TokenRefused("aud")
    if claims.get("azp") != expected.client_id:
        raise TokenRefused("azp")


def check_authorized_party(claims: Claims, expected: Expectations) -> None:
    if "azp" in claims and claims["azp"] != expected.client_id:
        raise TokenRefused("azp")


def check_expiry(claims: Claims, expected: Expectations) -> None:
    if not read_timestamp(claims, "exp") > expected.now - LEEWAY:
        raise TokenRefused("exp")


def check_issued_at(claims: Claims, expected: Expectations) -> None:
    if not read_timestamp(claims, "iat") <= expected.now + LEEWAY:
        raise TokenRefused("iat")


def check_nonce(claims: Claims, expected: Expectations) -> None:
    if not expected.nonce or claims.get("nonce") != expected.nonce:
        raise TokenRefused("nonce")


def check_subject(claims: Claims, _: Expectations) -> None:
    check_identifier(claims, "sub")


def check_session(claims: Claims, _: Expectations) -> None:
    """Check `sid` if there is one: it is optional (OpenID Connect Back-Channel Logout 1.0 §2.1)."""
    if "sid" in claims:
        check_identifier(claims, "sid")


def check_age(claims: Claims, expected: Expectations) -> None:
    """Check `auth_time`, which is required when PIAG has sent max_age (rule 13) and optional otherwise."""
    if not expected.max_age and "auth_time" not in claims:
        return
    authenticated_at = read_timestamp(claims, "auth_time")
    if authenticated_at > expected.now + LEEWAY:
        raise TokenRefused("auth_time")
    if is_too_old(authenticated_at, expected.max_age, expected.now):
        raise TooOld("auth_time")


RULES = (
    check_issuer,
    check_audience,
    check_authorized_party,
    check_expiry,
    check_issued_at,
    check_nonce,
    check_subject,
    check_session,
    check_age,
)


def is_too_old(authenticated_at: float | None, max_age: int, now: float) -> bool:
    """Return whether the authentication is older than max_age seconds, or of unknown age. 0 sets no limit."""
    return bool(max_age) and (authenticated_at is None or authenticated_at + max_age + LEEWAY < now)


def check_strength(claims: Claims, accepted: Collection[str]) -> str:
    """Return `acr` if it is one of the accepted levels; raise TooWeak otherwise.

    It must be one string of those that mean two factors: neither a list of names nor `amr` counts, nor what the
    authorization request asked for.
    """
    level = claims.get("acr")
    if not isinstance(level, str) or level not in accepted:
        raise TooWeak("acr")
    return level


def check_access_token(claims: Claims, access_token: str) -> None:
    """Check that `at_hash`, if there is one, is that of the access token (§3.1.3.8). RS256 and ES256 use SHA-256."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    if "at_hash" in claims and claims["at_hash"] != base64.urlsafe_b64encode(half).rstrip(b"=").decode():
        raise TokenRefused("at_hash")


def check_userinfo(claims: Claims, userinfo: Claims) -> None:
    """Check that the UserInfo response is about the subject of the ID token (§5.3.2)."""
    if userinfo.get("sub") != claims["sub"]:
        raise TokenRefused("userinfo_sub")


def check_identifier(claims: Claims, name: str) -> None:
    """Check that the claim is a string of 1 to 255 printable ASCII characters."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAXIMUM_IDENTIFIER_LENGTH:
        raise TokenRefused(name)
    if not (value.isascii() and value.isprintable()):
        raise TokenRefused(name)


def read_timestamp(claims: Claims, name: str) -> float:
    """Return the claim as seconds since the epoch (NumericDate, RFC 7519 §2).

    Raises TokenRefused for what no date can hold: JSON also has true, NaN and 1e400.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAXIMUM_TIMESTAMP:
        raise TokenRefused(name)
    return value
