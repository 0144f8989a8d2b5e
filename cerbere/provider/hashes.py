"""Make random secrets, and compute SHA-256 in the forms of the protocol and of the database."""

import base64
import hashlib
import secrets


def encode_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def hash_s256(value: str) -> str:
    """Return the S256 challenge of a code verifier (RFC 7636 §4.2)."""
    return encode_base64url(hashlib.sha256(value.encode()).digest())


def hash_left_half(value: str) -> str:
    """Return the left half of the SHA-256, for `at_hash` (OpenID Connect Core §3.1.3.6)."""
    return encode_base64url(hashlib.sha256(value.encode()).digest()[:16])


def make_secret() -> str:
    """Return 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the digest by which a secret is stored; one SHA-256 is enough, since the secret is random."""
    return hashlib.sha256(secret.encode()).hexdigest()
