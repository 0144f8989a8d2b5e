"""Signing keys: PEM private keys from CERBERE_SIGNING_KEYS, parsed once a process.

The first RSA key signs RS256, the first EC P-256 key ES256; all are published, so that a new key can be
known to applications before it is used and an old one as long as its tokens live.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey

ALGORITHMS = ["RS256", "ES256"]
MINIMUM_RSA_BITS = 2048
KID_LENGTH = 16  # hexadecimal digits
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
    """The algorithm and the key of one PEM block, PKCS#8 or the older forms."""
    try:
        private = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyError("a private key cannot be read") from None
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= MINIMUM_RSA_BITS:
        return "RS256", RSAKey.import_key(pem, _use(private, "RS256"))
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
        return "ES256", ECKey.import_key(pem, _use(private, "ES256"))
    raise SigningKeyError(f"only RSA of {MINIMUM_RSA_BITS} bits and more or EC P-256 is possible")


def _use(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, alg: str) -> KeyParameters:
    """What is published beside the key; its id is a digest of the public half, the same on every node."""
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {"use": "sig", "alg": alg, "kid": hashlib.sha256(public).hexdigest()[:KID_LENGTH]}


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
