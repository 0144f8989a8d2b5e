"""Signing keys: PEM private keys outside the database, each with the moment from which it signs.

A line `# activates 2026-11-25T08:00:00Z` before a key tells when it begins to sign; a key without one always
could. Of each algorithm the key that began last signs (the first of the file among equals), all are published:
a new key is known to applications before it is used, an old one as long as its tokens live.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey

ALGORITHMS = ["RS256", "ES256"]
MINIMUM_RSA_BITS = 2048
KID_LENGTH = 16  # hexadecimal digits
KEPT_AFTER = timedelta(hours=24)  # an ID token lives ten minutes; logout hints are honoured a day more
ALWAYS = datetime.min.replace(tzinfo=UTC)
BLOCK = re.compile(
    r"(?:^# activates (?P<at>\S+)\s*\n)?^(?P<pem>-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----)",
    re.DOTALL | re.MULTILINE,
)


class SigningKeyError(ValueError):
    """The signing keys hold no usable key, or one that is too weak."""


@dataclass(frozen=True)
class SigningKey:
    alg: str
    key: RSAKey | ECKey
    activates_at: datetime
    pem: str


def _activation(known: SigningKey) -> datetime:
    return known.activates_at


@dataclass(frozen=True)
class Ring:
    keys: tuple[SigningKey, ...]

    def published(self, now: datetime) -> KeySet:
        """All but those in whose place another has signed for KEPT_AFTER: no token of theirs lives."""
        return KeySet([known.key for known in self.keys if not self.is_past(known, now)])

    def is_past(self, known: SigningKey, now: datetime) -> bool:
        same = [other for other in self.keys if other.alg == known.alg]
        return any(other.activates_at > known.activates_at and other.activates_at + KEPT_AFTER <= now for other in same)

    def signing(self, alg: str, now: datetime) -> RSAKey | ECKey:
        """The key that began last, the first to come when none has begun. Raises ValueError without any."""
        able = [known for known in self.keys if known.alg == alg]
        begun = [known for known in able if known.activates_at <= now]
        return max(begun, key=_activation).key if begun else min(able, key=_activation).key

    def algorithms(self) -> list[str]:
        return [alg for alg in ALGORITHMS if any(known.alg == alg for known in self.keys)]


@cache
def parse(text: str) -> Ring:
    """Raises SigningKeyError."""
    keys = tuple(_load(block["pem"], block["at"]) for block in BLOCK.finditer(text))
    if not any(known.alg == "RS256" for known in keys):
        raise SigningKeyError("an RSA private key in PEM form is needed")
    return Ring(keys)


def _load(pem: str, activates: str | None) -> SigningKey:
    """One PEM block, PKCS#8 or the older forms."""
    try:
        private = load_pem_private_key(pem.encode(), password=None)
        at = datetime.fromisoformat(activates) if activates else ALWAYS
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyError("a private key or its date cannot be read") from None
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= MINIMUM_RSA_BITS:
        return SigningKey("RS256", RSAKey.import_key(pem, _use(private, "RS256")), at, pem)
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
        return SigningKey("ES256", ECKey.import_key(pem, _use(private, "ES256")), at, pem)
    raise SigningKeyError(f"only RSA of {MINIMUM_RSA_BITS} bits and more or EC P-256 is possible")


def _use(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, alg: str) -> KeyParameters:
    """What is published beside the key; its id is a digest of the public half, the same on every node."""
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {"use": "sig", "alg": alg, "kid": hashlib.sha256(public).hexdigest()[:KID_LENGTH]}
