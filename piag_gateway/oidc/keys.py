"""Cerbère's signing keys (RFC 7517): read when needed, kept a while, never read in a hurry because of a token."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from piag_gateway.faults import ProviderFault, TokenRefused

KEY_TYPES = {"RS256": "RSA", "ES256": "EC"}  # algorithm → kty; these algorithms and no other
RSA_LENGTH = 342  # characters of base64url: 2048 bits
KEPT_SECONDS = 900  # a key that Cerbère withdraws is believed no longer than this
MINIMUM_INTERVAL = 10  # seconds between two readings: unknown key ids cannot make PIAG hammer Cerbère

SigningKey = RSAKey | ECKey


@dataclass
class KeyCache:
    """The keys of one issuer. `read` gives the JWK Set and raises a ProviderFault; `clock` counts seconds."""

    read: Callable[[], Mapping[str, Any]]
    clock: Callable[[], float] = time.monotonic
    _keys: list[SigningKey] = field(default_factory=list)
    _read_at: float | None = None

    def find(self, header: Mapping[str, Any]) -> SigningKey:
        """The key that this JOSE header names; read anew, once, when it is not among those kept.

        TokenRefused when there is none even then (OpenID Connect Core §10.1.1).
        """
        if self._older_than(KEPT_SECONDS):
            self._refresh()
        key = pick(self._keys, header)
        if key is None and self._older_than(MINIMUM_INTERVAL):
            self._refresh()
            key = pick(self._keys, header)
        if key is None:
            raise TokenRefused("unknown_key")
        return key

    def _older_than(self, seconds: int) -> bool:
        return self._read_at is None or self.clock() - self._read_at >= seconds

    def _refresh(self) -> None:
        keys = list(usable(self.read().get("keys")))
        if not keys:
            raise ProviderFault("no_usable_key")
        self._keys, self._read_at = keys, self.clock()


def usable(keys: object) -> Iterator[SigningKey]:
    """The public keys among them that can verify a signature of ours; what is not understood is passed over."""
    for data in keys if isinstance(keys, list) else []:
        if not isinstance(data, dict) or not _is_strong(data):
            continue
        with suppress(JoseError, ValueError, TypeError, KeyError):
            yield RSAKey.import_key(data) if data["kty"] == "RSA" else ECKey.import_key(data)


def _is_strong(data: Mapping[str, Any]) -> bool:
    """RSA of 2048 bits or more, or the one curve of ES256."""
    if data.get("kty") == "RSA":
        return len(str(data.get("n")).lstrip("A")) >= RSA_LENGTH
    return data.get("kty") == "EC" and data.get("crv") == "P-256"


def pick(keys: Iterable[SigningKey], header: Mapping[str, Any]) -> SigningKey | None:
    """The key for this `alg` and `kid`. Without `kid`, the only one of its type or none."""
    fitting = [key for key in keys if _fits(key, header.get("alg"))]
    if "kid" in header:
        fitting = [key for key in fitting if key.kid == header["kid"]]
    return fitting[0] if len(fitting) == 1 else None


def _fits(key: SigningKey, algorithm: object) -> bool:
    meant_for_signatures = key.get("use") in {None, "sig"} and key.get("alg") in {None, algorithm}
    return meant_for_signatures and key.key_type == KEY_TYPES.get(str(algorithm))
