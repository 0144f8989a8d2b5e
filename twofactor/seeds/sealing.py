"""Seeds at rest: AES-256-GCM, with a key id and the agent and device as associated data.

A sealed seed is `kid:base64(nonce ‖ ciphertext)`. Moved to another row it does not open. Keys live outside
the database (CERBERE_SEED_KEYS): the first seals, all open. A digest `kid:hex` (HMAC-SHA256 with a key derived
from the sealing key) shows whether two secrets are the same without opening either.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

KEY_BYTES = 32
NONCE_BYTES = 12
DIGEST_PURPOSE = b"cerbere: digest of a secret"  # makes the digest's key differ from the sealing key


class SeedKeyError(ValueError):
    """CERBERE_SEED_KEYS cannot be used, or a sealed seed does not open with it."""


def parse_keys(text: str) -> dict[str, bytes]:
    """Parse `kid:base64 kid:base64 …` into key id → 32 bytes, in order. Raises SeedKeyError."""
    keys: dict[str, bytes] = {}
    for entry in text.split():
        kid, _, encoded = entry.partition(":")
        if not kid or not encoded:
            raise SeedKeyError("each key is written id:base64")  # not quoted: it may be the key itself
        try:
            keys[kid] = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise SeedKeyError(f"key {kid!r} is not base64") from error
        if len(keys[kid]) != KEY_BYTES:
            raise SeedKeyError(f"key {kid!r} is not {KEY_BYTES} bytes long")
    if len({kid.casefold() for kid in keys}) < len(keys):
        raise SeedKeyError("two ids differ by their case only: not every database tells them apart")
    if not keys:
        raise SeedKeyError("no key")
    return keys


@cache
def _derive_digest_keys(text: str) -> dict[str, bytes]:
    return {kid: hmac.digest(key, DIGEST_PURPOSE, hashlib.sha256) for kid, key in parse_keys(text).items()}


@cache
def _make_ciphers(text: str) -> dict[str, AESGCM]:
    return {kid: AESGCM(key) for kid, key in parse_keys(text).items()}


def get_sealing_kid() -> str:
    """Return the id of the key that seals from now on."""
    return next(iter(_make_ciphers(settings.SEED_KEYS)))


def seal(seed: bytes, bound_to: str) -> str:
    """Return the sealed seed, which opens for the row named by `bound_to` alone."""
    ciphers, kid = _make_ciphers(settings.SEED_KEYS), get_sealing_kid()
    nonce = secrets.token_bytes(NONCE_BYTES)
    return f"{kid}:{base64.b64encode(nonce + ciphers[kid].encrypt(nonce, seed, bound_to.encode())).decode()}"


def unseal(sealed: str, bound_to: str) -> bytes:
    """Return the seed. Raises SeedKeyError when the key is missing, or the row damaged or another one."""
    kid, _, encoded = sealed.partition(":")
    try:
        raw = base64.b64decode(encoded)
        return _make_ciphers(settings.SEED_KEYS)[kid].decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode())
    except (KeyError, ValueError, InvalidTag) as error:
        raise SeedKeyError("a sealed seed does not open") from error


def digest(secret: bytes, bound_to: str) -> str:
    """Return the digest of a secret, which is another one for another row."""
    return _digest(get_sealing_kid(), secret, bound_to)


def is_digest_of(digest: str, secret: bytes, bound_to: str) -> bool:
    """Return whether `digest` was made of this secret for the same row. Raises SeedKeyError when its key is gone."""
    kid = digest.partition(":")[0]
    return hmac.compare_digest(digest, _digest(kid, secret, bound_to))


def _digest(kid: str, secret: bytes, bound_to: str) -> str:
    try:
        key = _derive_digest_keys(settings.SEED_KEYS)[kid]
    except KeyError as error:
        raise SeedKeyError("the key of a digest is gone") from error
    return f"{kid}:{hmac.new(key, bound_to.encode() + b'|' + secret, hashlib.sha256).hexdigest()}"
