"""Cerbère's signing keys (RFC 7517), cached for a while and fetched again when a token names an unknown one."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from piag_gateway.faults import ProviderFault, TokenRefused

KEY_TYPES = {"RS256": "RSA", "ES256": "EC"}  # the accepted algorithms, each with its key type (`kty`)
MINIMUM_MODULUS_LENGTH = 342  # base64url characters of an RSA modulus of 2048 bits
CACHE_SECONDS = 900  # a key that Cerbère has withdrawn is accepted no longer than this
MINIMUM_REFRESH_INTERVAL = 10  # seconds; otherwise tokens with unknown key ids could make PIAG flood Cerbère

SigningKey = RSAKey | ECKey


@dataclass
class KeyCache:
    """The keys of one issuer.

    `fetch_jwks` returns the JWK Set or raises ProviderFault; `clock` returns seconds from any starting point.
    """

    fetch_jwks: Callable[[], Mapping[str, Any]]
    clock: Callable[[], float] = time.monotonic
    _keys: list[SigningKey] = field(default_factory=list)
    _fetched_at: float | None = None

    def find(self, header: Mapping[str, Any]) -> SigningKey:
        """Return the key that this JOSE header names; fetch the keys again, once, when it is not in the cache.

        Raises TokenRefused when Cerbère has no such key (OpenID Connect Core §10.1.1).
        """
        if self._is_older_than(CACHE_SECONDS):
            self._refresh()
        key = select_key(self._keys, header)
        if key is None and self._is_older_than(MINIMUM_REFRESH_INTERVAL):
            self._refresh()
            key = select_key(self._keys, header)
        if key is None:
            raise TokenRefused("unknown_key")
        return key

    def _is_older_than(self, seconds: int) -> bool:
        return self._fetched_at is None or self.clock() - self._fetched_at >= seconds

    def _refresh(self) -> None:
        keys = list(import_signing_keys(self.fetch_jwks().get("keys")))
        if not keys:
            raise ProviderFault("no_usable_key")
        self._keys, self._fetched_at = keys, self.clock()


def import_signing_keys(keys: object) -> Iterator[SigningKey]:
    """Yield the keys of a JWK Set that can verify RS256 or ES256; skip all others, malformed ones included."""
    for data in keys if isinstance(keys, list) else []:
        if not isinstance(data, dict) or not _is_strong(data):
            continue
        with suppress(JoseError, ValueError, TypeError, KeyError):
            yield RSAKey.import_key(data) if data["kty"] == "RSA" else ECKey.import_key(data)


def _is_strong(data: Mapping[str, Any]) -> bool:
    """Return whether the key is RSA of 2048 bits or more, or on P-256, the curve of ES256."""
    if data.get("kty") == "RSA":
        return len(str(data.get("n")).lstrip("A")) >= MINIMUM_MODULUS_LENGTH
    return data.get("kty") == "EC" and data.get("crv") == "P-256"


def select_key(keys: Iterable[SigningKey], header: Mapping[str, Any]) -> SigningKey | None:
    """Return the key for `alg` and `kid` of a JOSE header; without `kid`, the key of that type if there is only one."""
    candidates = [key for key in keys if _can_verify(key, header.get("alg"))]
    if "kid" in header:
        candidates = [key for key in candidates if key.kid == header["kid"]]
    return candidates[0] if len(candidates) == 1 else None


def _can_verify(key: SigningKey, algorithm: object) -> bool:
    is_for_signatures = key.get("use") in {None, "sig"} and key.get("alg") in {None, algorithm}
    return is_for_signatures and key.key_type == KEY_TYPES.get(str(algorithm))
