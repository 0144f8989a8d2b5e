"""Ory Hydra on PostgreSQL, with a login and consent application that answers at once (hydra_login.go).

Install: `python -m bench.install hydra`, with Go. `go install` refuses Hydra, whose go.mod replaces modules: it is
built in a module of its own, with the one replacement that it needs.

Three settings are other than its own: a signing key of 2048 bits instead of 4096, one iteration of the hash of the
client's secret, which is random, instead of 25 000, and twenty connections to the database: for one core it takes so
few that eight browsers' requests wait for each other until they fail.

Hydra has no accounts: the login application, whose CPU counts too, compares the password without a hash.
"""

import json
import secrets
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from joserfc.jwk import RSAKey
from psycopg.conninfo import conninfo_to_dict

from bench.flows import CALLBACK, Target
from bench.server import CACHE, CLIENT_SECRET, PASSWORD, Bench, Server, clean_environment, free_base, wait_for

MODULE, VERSION = "github.com/ory/hydra/v2", "v2.3.0"
REPLACED = "github.com/gobuffalo/pop/v6=github.com/ory/pop/v6@v6.2.1-0.20241121111754-e5dfc0f3344b"  # as its go.mod
HOME = CACHE / f"hydra-{VERSION}"
PROGRAM, LOGIN = HOME / "hydra", HOME / "login"
RSA_BITS = 2048
CONNECTIONS = 20
LOGIN_SOURCE = Path(__file__).with_name("hydra_login.go")


def is_installed() -> bool:
    return PROGRAM.exists() and LOGIN.exists()


def install() -> None:
    HOME.mkdir(exist_ok=True)
    if not (HOME / "go.mod").exists():
        run_go("mod", "init", "bench.invalid/hydra")
    run_go("mod", "edit", f"-replace={REPLACED}")
    run_go("get", "-tool", f"{MODULE}@{VERSION}")
    run_go("build", "-o", str(PROGRAM), MODULE)
    run_go("build", "-o", str(LOGIN), str(LOGIN_SOURCE))


def run_go(*arguments: str) -> None:
    subprocess.run(["go", *arguments], cwd=HOME, check=True)  # noqa: S603, S607


def start(bench: Bench) -> Server:
    (port, base), (admin_port, admin), (login_port, login) = free_base(), free_base(), free_base()
    environment = clean_environment() | {
        "DSN": database_url(bench.create_database("hydra")), "SECRETS_SYSTEM": secrets.token_urlsafe(32),
        "OAUTH2_HASHERS_PBKDF2_ITERATIONS": "1", "LOG_LEVEL": "warn", "URLS_SELF_ISSUER": base,
        "URLS_LOGIN": f"{login}/login", "URLS_CONSENT": f"{login}/consent",
        "SERVE_PUBLIC_HOST": "127.0.0.1", "SERVE_PUBLIC_PORT": str(port),
        "SERVE_ADMIN_HOST": "127.0.0.1", "SERVE_ADMIN_PORT": str(admin_port),
    }  # fmt: skip
    migrate = [str(PROGRAM), "migrate", "sql", "up", "--read-from-env", "--yes"]
    subprocess.run(migrate, env=environment, check=True, capture_output=True)  # noqa: S603
    # --dev: without TLS.
    pid = bench.spawn("hydra", [str(PROGRAM), "serve", "all", "--dev", "--sqa-opt-out"], environment)
    login_environment = {"ADMIN": admin, "PASSWORD": PASSWORD, "LISTEN": f"127.0.0.1:{login_port}"}
    login_pid = bench.spawn("hydra-login", [str(LOGIN)], login_environment)
    wait_for(f"{admin}/health/ready")
    target = Target("hydra", base, configure(admin), CLIENT_SECRET, PASSWORD)
    return Server(target, ("sso", "login", "published"), [pid, login_pid], bench.postmaster)


def database_url(url: str) -> str:
    database = conninfo_to_dict(url)
    account = f"{database['user']}:{database['password']}"
    pool = f"max_conns={CONNECTIONS}&max_idle_conns={CONNECTIONS}"
    return f"postgres://{account}@/{database['dbname']}?host={database['host']}&port={database['port']}&{pool}"


def configure(admin: str) -> str:
    """Give Hydra its signing key and one client. Returns the client_id."""
    key = RSAKey.generate_key(RSA_BITS, {"alg": "RS256", "use": "sig", "kid": "bench"}, auto_kid=False)
    for name in ("hydra.openid.id-token", "hydra.jwt.access-token"):
        send(f"{admin}/admin/keys/{name}", "PUT", {"keys": [key.as_dict(private=True)]})
    client = {
        "client_name": "bench", "client_secret": CLIENT_SECRET, "redirect_uris": [CALLBACK],
        "scope": "openid profile email", "grant_types": ["authorization_code"], "response_types": ["code"],
    }  # fmt: skip
    return str(send(f"{admin}/admin/clients", "POST", client)["client_id"])


def send(url: str, method: str, body: dict[str, Any]) -> dict[str, Any]:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)  # noqa: S310
    with urlopen(request) as response:  # noqa: S310
        return dict(json.load(response))
