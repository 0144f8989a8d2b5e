"""Cerbère's own settings with the suite's keys. The database is what CERBERE_DATABASE_URL says, else SQLite."""

import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
PLACE = Path(tempfile.gettempdir())
os.environ.update(
    {
        "CERBERE_SECRET_KEY": "only-for-the-tests-0123456789abcdef0123456789abcdef",
        "CERBERE_PUBLIC_URL": "http://localhost:8000",
        "CERBERE_SEED_KEYS": "test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "CERBERE_SIGNING_KEYS": _pem(RSA_KEY) + _pem(EC_KEY),
        "CERBERE_ASSISTANCE": "assistance@example.fr",
        "CERBERE_LOG_LEVEL": "DEBUG",
    }
)
os.environ.setdefault("CERBERE_DATABASE_URL", f"sqlite:///{PLACE / 'cerbere-tests.sqlite3'}")
os.environ.setdefault("CERBERE_MELOTP_DATABASE_URL", f"sqlite:///{PLACE / 'cerbere-tests-bnum.sqlite3'}")

from cerbere.settings import *  # noqa: E402, F403

EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
