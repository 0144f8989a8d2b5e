"""Sign tokens, verify our own, and read the file of the signing keys again when it changes."""

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone
from joserfc import jwt
from joserfc.errors import JoseError

from cerbere.provider.keys.ring import ALGORITHMS, Ring, SigningKeyError, parse_signing_keys

log = structlog.get_logger("cerbere.provider.keys")
CHECK_INTERVAL = 5  # seconds between two checks of the file
# joserfc raises these, besides its JoseError, for a malformed token.
MALFORMED_TOKEN_ERRORS = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


@dataclass
class SigningKeysFile:
    """The file of the signing keys, read again when it changes, so that a rotation needs no restart.

    When the file cannot be read or parsed, the previous keys stay in use and an error is logged.
    """

    text: str = ""
    path: str = ""
    stamp: int = 0
    checked_at: float = -CHECK_INTERVAL

    def get_ring(self) -> Ring:
        if self.path != settings.SIGNING_KEYS_FILE:  # first use in this process
            self.text, self.path, self.checked_at = settings.SIGNING_KEYS, settings.SIGNING_KEYS_FILE, -CHECK_INTERVAL
        if monotonic() - self.checked_at >= CHECK_INTERVAL:
            self._read_if_changed()
        return parse_signing_keys(self.text)

    def _read_if_changed(self) -> None:
        self.checked_at = monotonic()
        try:
            stamp = os.stat(self.path).st_mtime_ns
            if stamp != self.stamp:
                text = Path(self.path).read_text()
                parse_signing_keys(text)
                self.text, self.stamp = text, stamp
        except (OSError, SigningKeyError) as error:
            log.error("signing_keys_not_read", error=str(error))


_keys_file = SigningKeysFile()


def get_current_ring() -> Ring:
    """Return the current signing keys, parsed again only when their file has changed."""
    return _keys_file.get_ring() if settings.SIGNING_KEYS_FILE else parse_signing_keys(settings.SIGNING_KEYS)


def export_public_jwks() -> dict[str, Any]:
    return get_current_ring().get_published_keys(timezone.now()).as_dict(private=False)  # type: ignore[return-value]


def sign_token(claims: dict[str, Any], alg: str, typ: str = "JWT") -> str:
    key = get_current_ring().get_signing_key(alg, timezone.now())
    return jwt.encode({"alg": alg, "kid": key.kid, "typ": typ}, claims, key)


def read_own_token(token: str) -> dict[str, Any] | None:
    """Return the claims of an ID token that we signed, expired or not, None for any other token."""
    try:
        verified = jwt.decode(token, get_current_ring().get_published_keys(timezone.now()), algorithms=ALGORITHMS)
    except (JoseError, *MALFORMED_TOKEN_ERRORS):
        return None
    # Only ID tokens have an at_hash: a signed userinfo response or a logout token is not accepted.
    is_ours = verified.claims.get("iss") == settings.PUBLIC_URL and {"sub", "aud", "at_hash"} <= set(verified.claims)
    return dict(verified.claims) if is_ours else None
