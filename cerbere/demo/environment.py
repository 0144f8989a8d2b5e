"""The demo's directory and ports, and the environment variables of Cerbère and PIAG.

Each program gets its own settings only. Settings of the caller's shell are left out: they must not change the demo.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cerbere.demo.secret_files import SECRETS, make_readable_password
from cerbere.env import refuse

ROOT = Path(__file__).resolve().parent.parent.parent
SETTING_PREFIXES = ("CERBERE_", "PIAG_", "DJANGO_", "GRANIAN_")
MINIMUM_PASSWORD_LENGTH = 12  # characters, as on Cerbère's own pages


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
    def bnum_database(self) -> Path:
        return self.directory / "bnum.sqlite3"

    def read_file(self, name: str) -> str | None:
        """Return the content of a file of the demo's directory, or None if there is no such file."""
        path = self.directory / name
        return path.read_text() if path.exists() else None

    def write_file(self, name: str, content: str) -> None:
        """Write a file of the demo's directory in one step: an interrupted start leaves no half-written file."""
        new = self.directory / f"{name}.new"
        new.write_text(content)
        new.replace(self.directory / name)

    def create_missing_secrets(self) -> None:
        for name, make_secret in SECRETS.items():
            if self.read_file(name) is None:
                self.write_file(name, make_secret())

    def choose_password(self) -> str:
        """Return DEMO_PASSWORD if it is set, else the password of the last start, else a new one."""
        return os.environ.get("DEMO_PASSWORD") or self.read_file("password") or make_readable_password()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Create the directory and lock it. Raises SystemExit when another demo runs in it."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SystemExit(f"cerbere: une démonstration tourne déjà dans {self.directory}") from None
            yield

    def cerbere_environment(self) -> dict[str, str]:
        return _copy_environment() | {
            "DEMO_DIR": str(self.directory),  # get_current_demo reads these three in child processes
            "PORT": str(self.port),
            "PIAG_PORT": str(self.piag_port),
            "DJANGO_SETTINGS_MODULE": "cerbere.settings",
            "CERBERE_DEMO": "1",
            "CERBERE_PUBLIC_URL": self.url,
            "CERBERE_SECRET_KEY_FILE": self._path("cerbere_secret_key"),
            "CERBERE_SEED_KEYS_FILE": self._path("cerbere_seed_keys"),
            "CERBERE_SIGNING_KEYS_FILE": self._path("cerbere_signing_keys"),
            "CERBERE_DATABASE_URL": _build_sqlite_url(self.directory / "cerbere.sqlite3"),
            "CERBERE_MELOTP_DATABASE_URL": _build_sqlite_url(self.bnum_database),
            "CERBERE_ASSISTANCE": "assistance@example.fr",
            "CERBERE_LOG_LEVEL": "WARNING",  # the terminal shows e-mails, which other lines would bury
        }

    def piag_environment(self) -> dict[str, str]:
        return _copy_environment() | {
            "DJANGO_SETTINGS_MODULE": "piag_gateway.settings",
            "PIAG_PUBLIC_URL": self.piag_url,
            "PIAG_SECRET_KEY_FILE": self._path("piag_secret_key"),
            "PIAG_DATABASE_URL": _build_sqlite_url(self.directory / "piag.sqlite3"),
            "PIAG_OIDC_ISSUER": self.url,
            "PIAG_OIDC_CLIENT_ID": "piag",
            "PIAG_OIDC_CLIENT_SECRET_FILE": self._path("piag_client_secret"),
            "PIAG_LOG_LEVEL": "WARNING",
        }

    def _path(self, name: str) -> str:
        return str(self.directory / name)


def get_current_demo() -> Demo:
    """Return the demo that PORT, PIAG_PORT and DEMO_DIR describe. Raises SystemExit with one line for a bad value."""
    port, piag_port = _read_port("PORT", 8000), _read_port("PIAG_PORT", 8001)
    if port == piag_port:
        raise refuse("PIAG_PORT", "doit différer de PORT")
    password = os.environ.get("DEMO_PASSWORD", "")
    if password and (len(password) < MINIMUM_PASSWORD_LENGTH or not password.isprintable()):
        raise refuse("DEMO_PASSWORD", f"doit avoir {MINIMUM_PASSWORD_LENGTH} caractères ou plus")
    return Demo(Path(os.environ.get("DEMO_DIR") or ".demo").absolute(), port, piag_port)


def _read_port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise refuse(name, "doit être un port, de 1 à 65535")
    return int(value)


def _copy_environment() -> dict[str, str]:
    """Return the caller's environment variables without settings of Cerbère, PIAG, Django and granian."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTING_PREFIXES)}


def _build_sqlite_url(path: Path) -> str:
    return f"sqlite:///{quote(str(path))}"
