"""`oidc-provider` of npm (certified), in memory: nothing durable, no password hash. The control of every series.

Install: `npm install oidc-provider` in any directory, which OIDC_PROVIDER_DIR then names (Node 22; NODE names
another one than that of the PATH).
"""

import os
import shutil
from pathlib import Path

from bench import data
from bench.flows import CALLBACK, Target
from bench.server import Bench, Running, clean_environment, wait_for
from cerbere.demo.secret_files import signing_keys
from tests.support.servers import postgresql

PROGRAM = Path(__file__).with_name("oidc_provider.mjs")


def _places() -> tuple[str, str]:
    """The directory of the package, and Node."""
    return os.environ.get("OIDC_PROVIDER_DIR", ""), os.environ.get("NODE") or shutil.which("node") or ""


def is_installed() -> bool:
    directory, node = _places()
    return bool(node) and (Path(directory) / "node_modules" / "oidc-provider").is_dir()


def start(bench: Bench) -> Running:
    directory, node = _places()
    if not is_installed():
        raise SystemExit("bench: npm install oidc-provider, then OIDC_PROVIDER_DIR=its directory, and Node 22 or newer")
    port = postgresql.free_port()
    base = f"http://127.0.0.1:{port}"
    environment = clean_environment() | {
        "NODE_ENV": "production", "PORT": str(port), "PACKAGES": directory, "CALLBACK": CALLBACK,
        "CLIENT_SECRET": data.CLIENT_SECRET, "PASSWORD": data.PASSWORD, "SIGNING_KEYS": signing_keys(),
    }  # fmt: skip
    pid = bench.spawn("oidc-provider", [node, str(PROGRAM)], environment)
    wait_for(f"{base}/.well-known/openid-configuration")
    target = Target("oidc-provider", base, "bench", data.CLIENT_SECRET, data.PASSWORD)
    return Running(target, ("sso", "login", "published"), [pid])
