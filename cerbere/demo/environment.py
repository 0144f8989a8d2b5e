"""The demo's directory and ports, and the environment that Cerbère and PIAG are given.

Neither program gets the other's variables, and none of the caller's: a stray CERBERE_… or PIAG_… in a shell
must not change the demo.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cerbere.demo.secret_files import SECRETS, readable_password
from cerbere.env import refuse

ROOT = Path(__file__).resolve().parent.parent.parent
STRAY = ("CERBERE_", "PIAG_", "DJANGO_", "GRANIAN_")
PASSWORD_LENGTH = 12  # characters, the least that Cerbère's own pages accept


@dataclass(frozen=True)
class Demo:
    directory: Path
    port: int
    piag_port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def piag_url(self) -> str:
        return f"http://localhost:{self.piag_port}"

    @property
    def bnum(self) -> Path:
        """The database of the Bnum, which Cerbère only reads."""
        return self.directory / "bnum.sqlite3"

    def read(self, name: str) -> str | None:
        """The content of a file of the directory, None if there is none."""
        path = self.directory / name
        return path.read_text() if path.exists() else None

    def write(self, name: str, content: str) -> None:
        """Replace a file of the directory in one step: it is there whole, or not at all."""
        new = self.directory / f"{name}.new"
        new.write_text(content)
        new.replace(self.directory / name)

    def make_secrets(self) -> None:
        """Those that are missing; the others are kept."""
        for name, make in SECRETS.items():
            if self.read(name) is None:
                self.write(name, make())

    def wanted_password(self) -> str:
        """DEMO_PASSWORD, else the one of the last start, else a new one."""
        return os.environ.get("DEMO_PASSWORD") or self.read("password") or readable_password()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the directory and keep other starts out of it; SystemExit when one is running."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SystemExit(f"cerbere: une démonstration tourne déjà dans {self.directory}") from None
            yield

    def cerbere_environment(self) -> dict[str, str]:
        return _without_strays() | {
            "DEMO_DIR": str(self.directory),  # these three name this demo again, to current_demo()
            "PORT": str(self.port),
            "PIAG_PORT": str(self.piag_port),
            "DJANGO_SETTINGS_MODULE": "cerbere.settings",
            "CERBERE_DEMO": "1",
            "CERBERE_PUBLIC_URL": self.url,
            "CERBERE_SECRET_KEY_FILE": self._path("cerbere_secret_key"),
            "CERBERE_SEED_KEYS_FILE": self._path("cerbere_seed_keys"),
            "CERBERE_SIGNING_KEYS_FILE": self._path("cerbere_signing_keys"),
            "CERBERE_DATABASE_URL": _sqlite(self.directory / "cerbere.sqlite3"),
            "CERBERE_MELOTP_DATABASE_URL": _sqlite(self.bnum),
            "CERBERE_ASSISTANCE": "assistance@example.fr",
            "CERBERE_LOG_LEVEL": "WARNING",  # so that the mails are seen in the terminal
        }

    def piag_environment(self) -> dict[str, str]:
        return _without_strays() | {
            "DJANGO_SETTINGS_MODULE": "piag_gateway.settings",
            "PIAG_PUBLIC_URL": self.piag_url,
            "PIAG_SECRET_KEY_FILE": self._path("piag_secret_key"),
            "PIAG_DATABASE_URL": _sqlite(self.directory / "piag.sqlite3"),
            "PIAG_OIDC_ISSUER": self.url,
            "PIAG_OIDC_CLIENT_ID": "piag",
            "PIAG_OIDC_CLIENT_SECRET_FILE": self._path("piag_client_secret"),
            "PIAG_LOG_LEVEL": "WARNING",
        }

    def _path(self, name: str) -> str:
        return str(self.directory / name)


def current_demo() -> Demo:
    """The demo that PORT, PIAG_PORT and DEMO_DIR name; SystemExit with one line when they cannot be used."""
    port, piag_port = _port("PORT", 8000), _port("PIAG_PORT", 8001)
    if port == piag_port:
        raise refuse("PIAG_PORT", "doit différer de PORT")
    password = os.environ.get("DEMO_PASSWORD", "")
    if password and (len(password) < PASSWORD_LENGTH or not password.isprintable()):
        raise refuse("DEMO_PASSWORD", f"doit avoir {PASSWORD_LENGTH} caractères ou plus")
    return Demo(Path(os.environ.get("DEMO_DIR") or ".demo").absolute(), port, piag_port)


def _port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise refuse(name, "doit être un port, de 1 à 65535")
    return int(value)


def _without_strays() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(STRAY)}


def _sqlite(path: Path) -> str:
    return f"sqlite:///{quote(str(path))}"
