"""The Bnum's database of the demo: the table of dynalogin, its server of one-time passwords.

The Bnum is another system, whose database Cerbère only reads: hence plain SQL, and a file of its own.
"""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

import pyotp

from cerbere.demo.people import PEOPLE
from cerbere.demo.secret_files import make_bnum_secret

CREATE_TABLE = """
    CREATE TABLE IF NOT EXISTS dynalogin_user (
        id INTEGER PRIMARY KEY, userid VARCHAR(32) NOT NULL UNIQUE, scheme VARCHAR(4) NOT NULL,
        secret VARCHAR(32) NOT NULL, counter INTEGER NOT NULL DEFAULT 0, failure_count INTEGER NOT NULL DEFAULT 0,
        locked INTEGER NOT NULL DEFAULT 0, last_success TIMESTAMP, last_attempt TIMESTAMP, last_code VARCHAR(8),
        password VARCHAR(32) NOT NULL DEFAULT '')
"""


def fill_database(path: Path) -> None:
    """Create the table and the agents' rows where they are missing. Existing secrets are kept."""
    rows = [(person.uid, make_bnum_secret()) for person in PEOPLE if person.on_bnum]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(CREATE_TABLE)
        database.executemany(
            "INSERT INTO dynalogin_user (userid, scheme, secret) VALUES (?, 'TOTP', ?) ON CONFLICT DO NOTHING", rows
        )


def get_provisioning_uri(path: Path, uid: str) -> str:
    """Return the otpauth:// URI that the Bnum has shown to this agent as a QR code."""
    with closing(sqlite3.connect(path)) as database:
        (secret,) = database.execute("SELECT secret FROM dynalogin_user WHERE userid = ?", [uid]).fetchone()
    totp = pyotp.TOTP(base64.b32encode(secret.encode()).decode().rstrip("="))
    return str(totp.provisioning_uri(name=uid, issuer_name="Bnum"))
