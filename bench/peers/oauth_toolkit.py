"""django-oauth-toolkit on PostgreSQL, under gunicorn, with Django's default hash.

Install: `python -m bench.install django-oauth-toolkit`, with pip: in a virtual environment of its own.
"""

import secrets
import subprocess
import sys
from pathlib import Path

from joserfc.jwk import RSAKey
from psycopg.conninfo import conninfo_to_dict

from bench.flows import CALLBACK, Target
from bench.server import CACHE, CLIENT_SECRET, PASSWORD, Bench, Server, clean_environment, free_base, wait_for

HOME = CACHE / "oauth-toolkit"
PYTHON = HOME / "bin" / "python"
PACKAGES = ("django-oauth-toolkit~=3.4", "psycopg[binary]", "gunicorn", "argon2-cffi")
SERVE = ("gunicorn", "--worker-class=gthread", "--workers=2", "--threads=8", "--worker-tmp-dir=/dev/shm",
         "--no-control-socket")  # fmt: skip
SITE = "toolkit_site"  # found by PYTHONPATH: this Python has nothing of the bench
HERE = Path(__file__).parent
RSA_BITS = 2048


def is_installed() -> bool:
    return (HOME / "bin" / "gunicorn").exists()


def install() -> None:
    subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)  # noqa: S603
    subprocess.run([str(PYTHON), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)  # noqa: S603


def start(bench: Bench) -> Server:
    port, base = free_base()
    database = conninfo_to_dict(bench.create_database("toolkit"))
    environment = clean_environment() | {
        "PYTHONPATH": str(HERE), "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEY": RSAKey.generate_key(RSA_BITS).as_pem(private=True).decode(),
        "PASSWORD": PASSWORD, "CLIENT_SECRET": CLIENT_SECRET, "CALLBACK": CALLBACK,
        "PGHOST": str(database["host"]), "PGPORT": str(database["port"]), "PGUSER": str(database["user"]),
        "PGPASSWORD": str(database["password"]), "PGDATABASE": str(database["dbname"]),
    }  # fmt: skip
    fill = [str(PYTHON), "-c", f"from {SITE} import fill; fill()"]
    subprocess.run(fill, env=environment, cwd=HERE, check=True)  # noqa: S603
    command = [str(PYTHON), "-m", *SERVE, f"--bind=127.0.0.1:{port}", f"{SITE}:application"]
    pid = bench.spawn("toolkit", command, environment)
    discovery = "/o/.well-known/openid-configuration"
    wait_for(base + discovery)
    target = Target("django-oauth-toolkit", base, "bench", CLIENT_SECRET, PASSWORD, discovery)
    return Server(target, ("sso", "login"), [pid], bench.postmaster)
