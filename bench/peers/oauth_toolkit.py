"""django-oauth-toolkit on the same PostgreSQL and the same gunicorn.

Install: a virtual environment with `django-oauth-toolkit psycopg[binary] gunicorn argon2-cffi`, whose Python
OAUTH_TOOLKIT_PYTHON then names.
"""

import os
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from bench import data
from bench.flows import CALLBACK, Target
from bench.server import GUNICORN, Bench, Running, clean_environment, listening, wait_for
from cerbere.demo.secret_files import random_text, signing_keys
from tests.support.servers import postgresql

SITE = "toolkit_site"  # by itself: its Python has nothing of ours
HERE = Path(__file__).parent
END = "-----END PRIVATE KEY-----\n"


def is_installed() -> bool:
    return os.access(os.environ.get("OAUTH_TOOLKIT_PYTHON", ""), os.X_OK)


def start(bench: Bench) -> Running:
    python = os.environ.get("OAUTH_TOOLKIT_PYTHON", "")
    if not is_installed():
        raise SystemExit("bench: OAUTH_TOOLKIT_PYTHON must name a Python with what bench/peers/oauth_toolkit.py lists")
    port = postgresql.free_port()
    base = f"http://127.0.0.1:{port}"
    at = conninfo_to_dict(bench.database("toolkit"))
    environment = clean_environment() | {
        "PYTHONPATH": str(HERE), "SECRET_KEY": random_text(), "SIGNING_KEY": signing_keys().partition(END)[0] + END,
        "PASSWORD": data.PASSWORD, "CLIENT_SECRET": data.CLIENT_SECRET, "CALLBACK": CALLBACK,
        "PGHOST": str(at["host"]), "PGPORT": str(at["port"]), "PGUSER": str(at["user"]),
        "PGPASSWORD": str(at["password"]), "PGDATABASE": str(at["dbname"]),
    }  # fmt: skip
    fill = [python, "-c", f"from {SITE} import fill; fill()"]
    subprocess.run(fill, env=environment, cwd=HERE, check=True)  # noqa: S603
    pid = bench.spawn("toolkit", [python, "-m", *listening(GUNICORN, port, SITE)], environment)
    discovery = "/o/.well-known/openid-configuration"
    wait_for(base + discovery)
    target = Target(
        "django-oauth-toolkit", base, "bench", data.CLIENT_SECRET, data.PASSWORD, discovery, users=1000
    )  # fmt: skip
    return Running(target, ("sso", "login"), [pid, bench.postmaster])
