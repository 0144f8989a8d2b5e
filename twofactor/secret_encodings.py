"""The encodings in which the Bnum stores secrets. No database."""

import base64
import re

ENCODINGS = ("raw", "base32", "hex")
ADVISED_BYTES = 10  # 80 bits
USERID_LENGTH = 32  # characters: the column of dynalogin's table that names the owner of a secret


def decode_secret(secret: str, encoding: str) -> bytes:
    """Return the HMAC key in a stored secret, ASCII text. Raises ValueError (binascii.Error is one).

    Base32 (RFC 4648 §6) may be in any case, with spaces, hyphens or padding, as applications show it.
    """
    raw = secret.encode("ascii")
    if encoding == "raw":
        return raw
    if encoding == "hex":
        return bytes.fromhex(secret)
    symbols = re.sub(r"[\s-]", "", secret).rstrip("=").upper()
    return base64.b32decode(symbols + "=" * (-len(symbols) % 8))
