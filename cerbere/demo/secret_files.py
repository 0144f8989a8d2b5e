"""What the demo's secrets are made of: the content of each file, made once and then kept."""

import base64
import secrets
import string
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

RSA_BITS = 2048  # the least that Cerbère accepts: a first start does not wait for more
SYLLABLES = 8  # of 6.5 bits each
BNUM_SECRET_LENGTH = 20  # characters, as many bytes as SHA-1 gives


def random_text() -> str:
    return secrets.token_urlsafe(48)


def seed_key() -> str:
    return f"demo:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def signing_keys() -> str:
    """One key for each algorithm that an application may ask for."""
    return _pem(rsa.generate_private_key(65537, RSA_BITS)) + _pem(ec.generate_private_key(ec.SECP256R1()))


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def readable_password() -> str:
    """Easy to read, to say and to type on any keyboard: `bofu-rami-kose-zalu`."""
    syllables = [secrets.choice("bcdfgjklmnprstvz") + secrets.choice("aeiou") for _ in range(SYLLABLES)]
    return "-".join(first + second for first, second in zip(syllables[::2], syllables[1::2], strict=True))


def bnum_secret() -> str:
    """As dynalogin keeps it: the ASCII characters are the key itself."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(BNUM_SECRET_LENGTH))


SECRETS: dict[str, Callable[[], str]] = {
    "cerbere_secret_key": random_text,
    "cerbere_seed_keys": seed_key,
    "cerbere_signing_keys": signing_keys,
    "piag_secret_key": random_text,
    "piag_client_secret": random_text,
}
