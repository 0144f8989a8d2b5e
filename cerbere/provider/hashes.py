"""SHA-256 as the protocol writes it: base64url without padding."""

import base64
import hashlib


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def s256(value: str) -> str:
    """Of a code verifier (RFC 7636 §4.2)."""
    return b64url(hashlib.sha256(value.encode()).digest())


def half_hash(value: str) -> str:
    """The left half, for `at_hash` (OpenID Connect Core §3.1.3.6)."""
    return b64url(hashlib.sha256(value.encode()).digest()[:16])
