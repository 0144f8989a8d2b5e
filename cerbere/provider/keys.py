"""Signing keys: PEM private keys from CERBERE_SIGNING_KEYS, parsed once a process.

The first RSA key signs RS256, the first EC P-256 key ES256; all are published, so that a new key can be
known to applications before it is used and an old one as long as its tokens live.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

ALGORITHMS = ["RS256", "ES256"]
MINIMUM_RSA_BITS = 2048
PEM = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)


class SigningKeyError(ValueError):
    """CERBERE_SIGNING_KEYS holds no usable key, or one that is too weak."""


@dataclass(frozen=True)
class Ring:
    published: KeySet
    signing: dict[str, RSAKey | ECKey]


@cache
def parse(text: str) -> Ring:
    """Raises SigningKeyError."""
    loaded = [_load(pem) for pem in PEM.findall(text)]
    if not any(alg == "RS256" for alg, _ in loaded):
        raise SigningKeyError("an RSA private key in PEM form is needed")
    signing: dict[str, RSAKey | ECKey] = {}
    for alg, key in loaded:
        signing.setdefault(alg, key)
    return Ring(KeySet([key for _, key in loaded]), signing)


def _load(pem: str) -> tuple[str, RSAKey | ECKey]:
    try:
        is_rsa = "RSA" in pem.splitlines()[0]
        alg, key = _import(pem, "RS256" if is_rsa else "ES256")
    except (ValueError, TypeError, JoseError, UnsupportedAlgorithm):
        raise SigningKeyError("a key cannot be read") from None
    if not key.is_private:
        raise SigningKeyError("a private key is needed, a public one was given")
    return alg, key


def _import(pem: str, alg: str) -> tuple[str, RSAKey | ECKey]:
    kinds: dict[str, type[RSAKey | ECKey]] = {"RS256": RSAKey, "ES256": ECKey}
    key = kinds[alg].import_key(pem, {"use": "sig", "alg": alg})
    return alg, key


def ring() -> Ring:
    return parse(settings.SIGNING_KEYS)


def jwks() -> dict[str, Any]:
    return ring().published.as_dict(private=False)  # type: ignore[return-value]


def sign(claims: dict[str, Any], alg: str) -> str:
    key = ring().signing[alg]
    return jwt.encode({"alg": alg, "kid": key.kid, "typ": "JWT"}, claims, key)


def read_own_token(token: str) -> dict[str, Any] | None:
    """The claims of an ID token that we signed, expired or not; None if we did not."""
    try:
        claims = jwt.decode(token, ring().published, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError):
        return None
    return dict(claims) if claims.get("iss") == settings.PUBLIC_URL and "sub" in claims else None
