"""What an ID token must prove (OpenID Connect Core §3.1.3.7). Pure: claims, keys and the time are arguments.

Every rule is one `check_*` that raises with the name of what is wrong, and `RULES` lists them in order.
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

LEEWAY = 60  # seconds that two clocks may differ
IDENTIFIER_LENGTH = 255  # characters; §2 for `sub`
LAST_SECOND = 253_402_300_799  # of the year 9999: what a date can hold

Claims = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    issuer: str
    client_id: str
    now: float  # seconds since the epoch
    nonce: str = ""  # empty: no ID token is expected, none is accepted
    max_age: int = 0  # seconds; 0: any age


def claims_of(token: str, find_key: Callable[[Claims], SigningKey], expected: Expected) -> Claims:
    """The claims of a token whose signature and claims all hold; TokenRefused or TooOld otherwise.

    How strong the authentication was is asked apart, by check_strength.
    """
    claims = verified(token, find_key).claims
    for rule in RULES:
        rule(claims, expected)
    return claims


def verified(token: str, find_key: Callable[[Claims], SigningKey]) -> jwt.Token:
    """Signed with an asymmetric algorithm that we allow; `none` and HMAC never are (rules 6 to 8)."""
    try:
        return jwt.decode(token, lambda message: find_key(message.headers()), algorithms=[*KEY_TYPES])
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused("signature") from error


def check_issuer(claims: Claims, expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise TokenRefused("iss")


def check_audience(claims: Claims, expected: Expected) -> None:
    """For us; when for others too, `azp` must say that it was asked for by us (rules 3 to 5)."""
    audience = claims.get("aud")
    if audience in (expected.client_id, [expected.client_id]):
        return
    if not isinstance(audience, list) or expected.client_id not in audience:
        raise TokenRefused("aud")
    if claims.get("azp") != expected.client_id:
        raise TokenRefused("azp")


def check_authorized_party(claims: Claims, expected: Expected) -> None:
    if "azp" in claims and claims["azp"] != expected.client_id:
        raise TokenRefused("azp")


def check_expiry(claims: Claims, expected: Expected) -> None:
    if not seconds(claims, "exp") > expected.now - LEEWAY:
        raise TokenRefused("exp")


def check_issued_at(claims: Claims, expected: Expected) -> None:
    if not seconds(claims, "iat") <= expected.now + LEEWAY:
        raise TokenRefused("iat")


def check_nonce(claims: Claims, expected: Expected) -> None:
    if not expected.nonce or claims.get("nonce") != expected.nonce:
        raise TokenRefused("nonce")


def check_subject(claims: Claims, _: Expected) -> None:
    check_identifier(claims, "sub")


def check_session(claims: Claims, _: Expected) -> None:
    """`sid` may be absent (OpenID Connect Back-Channel Logout §2.1); when it is there, it names a session."""
    if "sid" in claims:
        check_identifier(claims, "sid")


def check_age(claims: Claims, expected: Expected) -> None:
    """`auth_time` is owed when max_age was asked (rule 13); when it is there, it must be a time."""
    if not expected.max_age and "auth_time" not in claims:
        return
    authenticated_at = seconds(claims, "auth_time")
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
    """Whether the authentication is older than max_age seconds (0: it never is), as far as one can know."""
    return bool(max_age) and (authenticated_at is None or authenticated_at + max_age + LEEWAY < now)


def check_strength(claims: Claims, accepted: Collection[str]) -> str:
    """The `acr`, when it is one of those that mean two factors.

    Only that one string counts: not what was asked, not `amr`, not a list of names.
    """
    level = claims.get("acr")
    if not isinstance(level, str) or level not in accepted:
        raise TooWeak("acr")
    return level


def check_access_token(claims: Claims, access_token: str) -> None:
    """`at_hash`, when it is there, ties the access token to the ID token (§3.1.3.8); both algorithms use SHA-256."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    if "at_hash" in claims and claims["at_hash"] != base64.urlsafe_b64encode(half).rstrip(b"=").decode():
        raise TokenRefused("at_hash")


def check_userinfo(claims: Claims, userinfo: Claims) -> None:
    """The answer of userinfo may be used only when it is about the same subject (§5.3.2)."""
    if userinfo.get("sub") != claims["sub"]:
        raise TokenRefused("userinfo_sub")


def check_identifier(claims: Claims, name: str) -> None:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= IDENTIFIER_LENGTH:
        raise TokenRefused(name)
    if not (value.isascii() and value.isprintable()):
        raise TokenRefused(name)


def seconds(claims: Claims, name: str) -> float:
    """A time of RFC 7519 §2 (NumericDate): a number that is a date, which true, NaN and 1e400 are not."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LAST_SECOND:
        raise TokenRefused(name)
    return value
