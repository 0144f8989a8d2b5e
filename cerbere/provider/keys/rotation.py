"""Rotating a signing key: the new one is published before it signs, the old one while its tokens live."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cerbere.provider.keys.ring import ALWAYS, parse

RSA_BITS = 3072
PUBLISHED_BEFORE = timedelta(hours=24)  # applications that keep our keys for a day know it in time


def rotated(text: str, alg: str, publish_for: timedelta, now: datetime) -> str:
    """The new content of the keys' file: one more key of `alg`, without those that no living token needs.

    Raises SigningKeyError when the old content cannot be read.
    """
    ring = parse(text)
    kept = [known for known in ring.keys if not ring.is_past(known, now)]
    new = (now + publish_for, _pem(alg))
    return "\n".join(_block(at, pem) for at, pem in [*((k.activates_at, k.pem) for k in kept), new])


def _pem(alg: str) -> str:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key = rsa.generate_private_key(65537, RSA_BITS) if alg == "RS256" else ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()


def _block(at: datetime, pem: str) -> str:
    return pem + "\n" if at == ALWAYS else f"# activates {at.astimezone(UTC).isoformat(timespec='seconds')}\n{pem}\n"


def replace_file(path: Path, text: str) -> None:
    """All or nothing, with the owner and mode of the file of before: a node never reads half of it."""
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
