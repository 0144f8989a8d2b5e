"""Read settings from the environment. This is the only module that Cerbère and the PIAG gateway share.

Every setting NAME may also be given as NAME_FILE, the path of a file with the value, so that secrets stay out of
the process's environment. Names and defaults are recorded in READ, so that a test can compare docs/settings.md
with the code. A value that cannot be used stops the start with one line.
"""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dj_database_url

READ: dict[str, str] = {}
HOST = re.compile(r"[a-z0-9.:-]+")  # in lower case, as browsers send it; IPv6 without its brackets
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
DATABASE_CONNECT_TIMEOUT = 2  # seconds for each IP address of the host; a dead database must become a 503 page within 5
DATABASE_CONNECTION_AGE = 3600  # seconds that a thread keeps its connection
PREPARE_THRESHOLD = 2  # uses of a statement on one connection
DATABASE_STATEMENT_TIMEOUT = 4000  # milliseconds, same reason
MAXIMUM_DIGITS = 10  # Python itself refuses very long numbers, with another exception
CACHE_SCHEMES = ("redis://", "rediss://", "unix://")


def refuse(name: str, reason: str) -> SystemExit:
    """Return the exception that stops the start with one line, for the caller to raise."""
    return SystemExit(f"cerbere: {name}: {reason}")


def text(name: str, default: str = "") -> str:
    """Return the value of NAME, else the content of the file that NAME_FILE names, else the default."""
    READ[name] = default
    if name in os.environ:
        return os.environ[name]
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return default
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise refuse(f"{name}_FILE", f"cannot be read ({error.__class__.__name__})") from error


def file_path(name: str) -> str:
    """Return the path in NAME_FILE unless NAME is set, for files that may change while the program runs."""
    return "" if name in os.environ else os.environ.get(f"{name}_FILE", "")


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0")
    if value not in {"0", "1"}:
        raise refuse(name, "must be 0 or 1")
    return value == "1"


def number(name: str, default: int, low: int, high: int) -> int:
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit() and len(value) <= MAXIMUM_DIGITS and low <= int(value) <= high):
        raise refuse(name, f"must be a whole number from {low} to {high}")
    return int(value)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise refuse(name, f"must be one of {', '.join(allowed)}")
    return value


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refuse(name, "must be a time zone such as Europe/Paris") from None
    return value


def public_url(name: str, default: str) -> str:
    """Return an origin without path, query or trailing slash, since the issuer is compared byte for byte."""
    value = text(name, default)
    if not _is_origin(value):
        raise refuse(name, "must be an origin such as https://cerbere.example.fr, without path nor trailing slash")
    return value


def _is_origin(value: str) -> bool:
    try:
        parts = urlsplit(value)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return False
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    is_host = HOST.fullmatch(parts.hostname or "") is not None
    return is_host and parts.scheme in {"http", "https"} and value == f"{parts.scheme}://{host}{port}"


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def database(name: str, default: str, pooled: bool = False) -> dict[str, Any]:
    """Return a Django database from a URL: SQLite in WAL mode, or PostgreSQL with short timeouts.

    `pooled` says that a pooler such as PgBouncer stands before PostgreSQL.
    """
    value = text(name, default)
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(value))
        options = parsed.setdefault("OPTIONS", {})
        if refused := options.keys() & {"pool", "pool_size", "conn_max_age"}:
            raise refuse(name, f"has {', '.join(sorted(refused))}: each thread keeps one connection")
        if parsed["ENGINE"] == "django.db.backends.sqlite3":
            options.update(_SQLITE_OPTIONS)
        elif parsed["ENGINE"] == "django.db.backends.postgresql":
            options.update(_pooled_postgresql_options() if pooled else _postgresql_options())
            parsed["ENGINE"] = "cerbere.core.postgresql"
            # Each thread keeps a connection, which is checked so that a restarted server causes no 503.
            parsed |= {"CONN_MAX_AGE": DATABASE_CONNECTION_AGE, "CONN_HEALTH_CHECKS": True}
        else:
            raise refuse(name, "must be sqlite:///… or postgresql://…")
    except (dj_database_url.ParseError, ValueError, KeyError):
        raise refuse(name, "is not a database URL") from None  # the cause may quote the password
    return parsed


_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 4,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}


_POSTGRESQL_PARAMETERS = {
    "statement_timeout": DATABASE_STATEMENT_TIMEOUT,
    "lock_timeout": DATABASE_STATEMENT_TIMEOUT,
    "jit": "off",  # compiling takes longer than any of our statements
}


# Detect connections that a firewall has dropped, before or while a request waits for one (libpq's names and units).
_KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 4000}


def _postgresql_options() -> dict[str, Any]:
    return _KEEPALIVES | {
        "connect_timeout": DATABASE_CONNECT_TIMEOUT,
        "server_side_binding": True,  # with prepare_threshold: PostgreSQL plans a statement once a connection
        "prepare_threshold": PREPARE_THRESHOLD,
        "options": " ".join(f"-c {name}={value}" for name, value in _POSTGRESQL_PARAMETERS.items()),
    }


def _pooled_postgresql_options() -> dict[str, Any]:
    """Return the options for a pooler, which refuses start-up options and shares the server's connections.

    No statement is prepared under a name, and the timeouts are those of the role (docs/operations.md).
    """
    return _KEEPALIVES | {"connect_timeout": DATABASE_CONNECT_TIMEOUT, "server_side_binding": True}


def cache(name: str) -> dict[str, Any]:
    """Return a Django cache from the URL of Redis or Valkey, or in the process's memory without a URL."""
    url = text(name)
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if not url.startswith(CACHE_SCHEMES):
        raise refuse(name, "must be redis://…, rediss://… or unix://…")
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
