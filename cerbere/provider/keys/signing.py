"""Sign tokens with the keys of this moment, read our own, and follow the file of the keys."""

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

from cerbere.provider.keys.ring import ALGORITHMS, Ring, SigningKeyError, parse

log = structlog.get_logger("cerbere.provider.keys")
LOOK_EVERY = 5  # seconds between two looks at the file
GARBAGE = (ValueError, TypeError, AttributeError, KeyError, RecursionError)  # what joserfc raises for a mangled token


@dataclass
class Watch:
    """The file of the keys, looked at now and then: a rotation reaches running nodes without a restart.

    A file that cannot be read or parsed changes nothing: the keys of before go on, and the log tells.
    """

    text: str = ""
    path: str = ""
    stamp: int = 0
    looked_at: float = -LOOK_EVERY

    def ring(self) -> Ring:
        if self.path != settings.SIGNING_KEYS_FILE:  # first use in this process
            self.text, self.path, self.looked_at = settings.SIGNING_KEYS, settings.SIGNING_KEYS_FILE, -LOOK_EVERY
        if monotonic() - self.looked_at >= LOOK_EVERY:
            self._look()
        return parse(self.text)

    def _look(self) -> None:
        self.looked_at = monotonic()
        try:
            stamp = os.stat(self.path).st_mtime_ns
            if stamp != self.stamp:
                text = Path(self.path).read_text()
                parse(text)
                self.text, self.stamp = text, stamp
        except (OSError, SigningKeyError) as error:
            log.error("signing_keys_not_read", error=str(error))


_watch = Watch()


def current_ring() -> Ring:
    """The keys of this moment, parsed once a process and again only when their file has changed."""
    return _watch.ring() if settings.SIGNING_KEYS_FILE else parse(settings.SIGNING_KEYS)


def public_jwks() -> dict[str, Any]:
    return current_ring().published(timezone.now()).as_dict(private=False)  # type: ignore[return-value]


def sign_token(claims: dict[str, Any], alg: str, typ: str = "JWT") -> str:
    key = current_ring().signing(alg, timezone.now())
    return jwt.encode({"alg": alg, "kid": key.kid, "typ": typ}, claims, key)


def read_own_token(token: str) -> dict[str, Any] | None:
    """The claims of an ID token that we signed, expired or not; None if we did not."""
    try:
        read = jwt.decode(token, current_ring().published(timezone.now()), algorithms=ALGORITHMS)
    except (JoseError, *GARBAGE):
        return None
    is_ours = read.claims.get("iss") == settings.PUBLIC_URL and {"sub", "aud", "at_hash"} <= set(read.claims)
    return dict(read.claims) if is_ours else None  # at_hash: neither a signed userinfo nor a logout token
