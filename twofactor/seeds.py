"""Seeds at rest: AES-256-GCM, with a key id and the agent and device as associated data.

A sealed seed is `kid:base64(nonce ‖ ciphertext)`. Moved to another row it does not open. Keys live outside
the database (CERBERE_SEED_KEYS): the first seals, all open.
"""

import base64
import binascii
import secrets
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

KEY_BYTES = 32
NONCE_BYTES = 12


class SeedKeyError(ValueError):
    """CERBERE_SEED_KEYS cannot be used, or a sealed seed does not open with it."""


def parse_keys(text: str) -> dict[str, bytes]:
    """`kid:base64 kid:base64 …` as key id → 32 bytes, in order. Raises SeedKeyError."""
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
    if not keys:
        raise SeedKeyError("no key")
    return keys


@cache
def _ciphers(text: str) -> dict[str, AESGCM]:
    return {kid: AESGCM(key) for kid, key in parse_keys(text).items()}


def seal(seed: bytes, bound_to: str) -> str:
    ciphers = _ciphers(settings.SEED_KEYS)
    kid = next(iter(ciphers))
    nonce = secrets.token_bytes(NONCE_BYTES)
    return f"{kid}:{base64.b64encode(nonce + ciphers[kid].encrypt(nonce, seed, bound_to.encode())).decode()}"


def unseal(sealed: str, bound_to: str) -> bytes:
    """The seed; raises SeedKeyError when the key is missing, the row damaged, or not the one it was sealed for."""
    kid, _, encoded = sealed.partition(":")
    try:
        raw = base64.b64decode(encoded)
        return _ciphers(settings.SEED_KEYS)[kid].decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode())
    except (KeyError, ValueError, InvalidTag) as error:
        raise SeedKeyError("a sealed seed does not open") from error
