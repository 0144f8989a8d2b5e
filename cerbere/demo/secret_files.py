"""The demo's secrets: the content of each file, created at the first start and then kept."""

import base64
import secrets
import string
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

RSA_BITS = 2048  # the least that Cerbère accepts; longer keys would make the first start slower
SYLLABLES = 8  # each of 6.3 bits
BNUM_SECRET_LENGTH = 20  # characters; RFC 4226 recommends 160 bits


def random_text() -> str:
    return secrets.token_urlsafe(48)


def seed_key() -> str:
    return f"demo:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def signing_keys() -> str:
    """Return two PEM keys: applications may ask for RS256 or ES256."""
    return _pem(rsa.generate_private_key(65537, RSA_BITS)) + _pem(ec.generate_private_key(ec.SECP256R1()))


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def make_readable_password() -> str:
    """Return a password that is easy to read, say and type on any keyboard, such as `bofu-rami-kose-zalu`."""
    syllables = [secrets.choice("bcdfgjklmnprstvz") + secrets.choice("aeiou") for _ in range(SYLLABLES)]
    return "-".join(first + second for first, second in zip(syllables[::2], syllables[1::2], strict=True))


def make_bnum_secret() -> str:
    """Return a secret as dynalogin stores it: its ASCII characters are the HMAC key, without any encoding."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(BNUM_SECRET_LENGTH))


SECRETS: dict[str, Callable[[], str]] = {
    "cerbere_secret_key": random_text,
    "cerbere_seed_keys": seed_key,
    "cerbere_signing_keys": signing_keys,
    "piag_secret_key": random_text,
    "piag_client_secret": random_text,
}
