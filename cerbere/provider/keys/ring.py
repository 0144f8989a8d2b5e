"""Signing keys: PEM private keys outside the database, each with the time from which it signs.

A line `# activates 2026-11-25T08:00:00Z` before a key says when it begins to sign; a key without one may sign at
any time. Of each algorithm, the key that was activated last signs (the first of the file among equals). All are
published: applications know a new key before it signs, and an old one while its tokens are valid.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter

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
    """No usable signing key, or one that is too weak."""


@dataclass(frozen=True)
class SigningKey:
    alg: str
    key: RSAKey | ECKey
    activates_at: datetime
    pem: str


@dataclass(frozen=True)
class Ring:
    keys: tuple[SigningKey, ...]

    def get_published_keys(self, now: datetime) -> KeySet:
        """Return the keys that are not retired, which verify every token that is still valid."""
        return KeySet([entry.key for entry in self.keys if not self.is_retired(entry, now)])

    def is_retired(self, key: SigningKey, now: datetime) -> bool:
        """Tell whether another key of this algorithm has been signing in place of this one for KEPT_AFTER."""
        same = [other for other in self.keys if other.alg == key.alg]
        return any(other.activates_at > key.activates_at and other.activates_at + KEPT_AFTER <= now for other in same)

    def get_signing_key(self, alg: str, now: datetime) -> RSAKey | ECKey:
        """Return the key that was activated last, or else the next one. Raises ValueError without any of this `alg`."""
        candidates = [entry for entry in self.keys if entry.alg == alg]
        active = [entry for entry in candidates if entry.activates_at <= now]
        by_time = attrgetter("activates_at")
        return max(active, key=by_time).key if active else min(candidates, key=by_time).key

    def list_algorithms(self) -> list[str]:
        return [alg for alg in ALGORITHMS if any(entry.alg == alg for entry in self.keys)]


@cache
def parse_signing_keys(text: str) -> Ring:
    """Return the signing keys of a PEM text. Raises SigningKeyError."""
    keys = tuple(_load_key(block["pem"], block["at"]) for block in BLOCK.finditer(text))
    if not any(key.alg == "RS256" for key in keys):
        raise SigningKeyError("an RSA private key in PEM form is needed")
    return Ring(keys)


def _load_key(pem: str, activates: str | None) -> SigningKey:
    """Return the signing key of one PEM block, in PKCS#8 or an older form. Raises SigningKeyError."""
    try:
        private = load_pem_private_key(pem.encode(), password=None)
        at = datetime.fromisoformat(activates) if activates else ALWAYS
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyError("a private key or its date cannot be read") from None
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= MINIMUM_RSA_BITS:
        return SigningKey("RS256", RSAKey.import_key(pem, _make_parameters(private, "RS256")), at, pem)
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
        return SigningKey("ES256", ECKey.import_key(pem, _make_parameters(private, "ES256")), at, pem)
    raise SigningKeyError(f"only RSA of {MINIMUM_RSA_BITS} bits and more or EC P-256 is possible")


def _make_parameters(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, alg: str) -> KeyParameters:
    """Return the JWK parameters; the id is a digest of the public key, so that it is the same on every node."""
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {"use": "sig", "alg": alg, "kid": hashlib.sha256(public).hexdigest()[:KID_LENGTH]}
