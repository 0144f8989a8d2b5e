import hashlib
import secrets
import sqlite3
from collections.abc import Iterable


class SeenNames:
    """The names that the lines of a file have used so far: a set whose content is outside memory.

    A private temporary database of SQLite, which goes away with this object; it holds digests under a key of this run.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._rows = sqlite3.connect("")  # SQLite's name for a temporary file that no other process can open
        self._rows.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, names: Iterable[str]) -> None:
        self._rows.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(self._digest(name),) for name in names])

    def __contains__(self, name: str) -> bool:
        found = self._rows.execute("SELECT 1 FROM seen WHERE digest = ?", (self._digest(name),))
        return found.fetchone() is not None

    def commit(self) -> None:
        self._rows.commit()

    def rollback(self) -> None:
        """Forget the names that were added since the last commit."""
        self._rows.rollback()

    def close(self) -> None:
        self._rows.close()

    def _digest(self, name: str) -> bytes:
        return hashlib.blake2b(name.encode(), digest_size=16, key=self._key).digest()
