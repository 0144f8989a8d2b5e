"""Random secrets of machines, and SHA-256 as the protocol and the database write it."""

import base64
import hashlib
import secrets


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def s256(value: str) -> str:
    """Of a code verifier (RFC 7636 §4.2)."""
    return b64url(hashlib.sha256(value.encode()).digest())


def half_hash(value: str) -> str:
    """The left half, for `at_hash` (OpenID Connect Core §3.1.3.6)."""
    return b64url(hashlib.sha256(value.encode()).digest()[:16])


def new_secret() -> str:
    """256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """How machines' secrets are kept: they are random, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
