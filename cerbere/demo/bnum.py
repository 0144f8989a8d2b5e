"""The Bnum's side of the demo: dynalogin's table, and the entries that phones hold of it.

The Bnum is another system: this is plain SQL on its own database, which Cerbère reads and never writes.
"""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

import pyotp

from cerbere.demo.people import PEOPLE
from cerbere.demo.secret_files import bnum_secret

DYNALOGIN = """
    CREATE TABLE IF NOT EXISTS dynalogin_user (
        id INTEGER PRIMARY KEY, userid VARCHAR(32) NOT NULL UNIQUE, scheme VARCHAR(4) NOT NULL,
        secret VARCHAR(32) NOT NULL, counter INTEGER NOT NULL DEFAULT 0, failure_count INTEGER NOT NULL DEFAULT 0,
        locked INTEGER NOT NULL DEFAULT 0, last_success TIMESTAMP, last_attempt TIMESTAMP, last_code VARCHAR(8),
        password VARCHAR(32) NOT NULL DEFAULT '')
"""


def fill(path: Path) -> None:
    """The table and the agents' rows that are missing; secrets that are there stay."""
    rows = [(person.uid, bnum_secret()) for person in PEOPLE if person.on_bnum]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(DYNALOGIN)
        database.executemany(
            "INSERT INTO dynalogin_user (userid, scheme, secret) VALUES (?, 'TOTP', ?) ON CONFLICT DO NOTHING", rows
        )


def phone_entry(path: Path, uid: str) -> str:
    """The address in the QR code that the Bnum showed to this agent."""
    with closing(sqlite3.connect(path)) as database:
        (secret,) = database.execute("SELECT secret FROM dynalogin_user WHERE userid = ?", [uid]).fetchone()
    entry = pyotp.TOTP(base64.b32encode(secret.encode()).decode().rstrip("="))
    return str(entry.provisioning_uri(name=uid, issuer_name="Bnum"))
