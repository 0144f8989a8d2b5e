"""Rotate signing keys: the new one is published before it signs, the old one while its tokens are valid."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cerbere.provider.keys.ring import ALWAYS, parse_signing_keys

RSA_BITS = 3072
PUBLISHED_BEFORE = timedelta(hours=24)  # applications that cache our keys for a day know it in time


def add_signing_key(text: str, alg: str, publish_for: timedelta, now: datetime) -> str:
    """Return the text of the keys' file with a new key of this `alg`, and without the retired keys.

    Raises SigningKeyError for a text that cannot be read.
    """
    ring = parse_signing_keys(text)
    kept = [key for key in ring.keys if not ring.is_retired(key, now)]
    new = (now + publish_for, _make_pem(alg))
    return "\n".join(_format_block(at, pem) for at, pem in [*((key.activates_at, key.pem) for key in kept), new])


def _make_pem(alg: str) -> str:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key = rsa.generate_private_key(65537, RSA_BITS) if alg == "RS256" else ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()


def _format_block(at: datetime, pem: str) -> str:
    return pem + "\n" if at == ALWAYS else f"# activates {at.astimezone(UTC).isoformat(timespec='seconds')}\n{pem}\n"


def replace_file(path: Path, text: str) -> None:
    """Replace a file in one operation, with its owner and mode, so that no node reads half of it."""
    before = path.stat()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        os.fchmod(handle, before.st_mode & 0o777)
        if os.geteuid() == 0:
            os.fchown(handle, before.st_uid, before.st_gid)
        file.write(text)
        file.flush()
        os.fsync(handle)
    os.replace(name, path)
