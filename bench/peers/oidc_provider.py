"""`oidc-provider` of npm (certified), in memory: nothing durable, no password hash. The control of every run.

Install: `python -m bench.install oidc-provider`, with npm, which brings Node too: the version that this one asks for.
"""

import subprocess
from pathlib import Path

from joserfc.jwk import RSAKey

from bench.flows import CALLBACK, Target
from bench.server import CACHE, CLIENT_SECRET, PASSWORD, Bench, Server, clean_environment, free_base, wait_for

HOME = CACHE / "oidc-provider"
PACKAGES = ("oidc-provider@9", "node@22")
NODE = HOME / "node_modules" / "node" / "bin" / "node"
RSA_BITS = 2048
PROGRAM = Path(__file__).with_name("oidc_provider.mjs")


def is_installed() -> bool:
    return NODE.exists() and (HOME / "node_modules" / "oidc-provider").is_dir()


def install() -> None:
    HOME.mkdir(exist_ok=True)
    npm = ["npm", "install", "--no-fund", "--no-audit", f"--prefix={HOME}", *PACKAGES]
    subprocess.run(npm, cwd=HOME, check=True)  # noqa: S603


def start(bench: Bench) -> Server:
    port, base = free_base()
    environment = clean_environment() | {
        "NODE_ENV": "production", "PORT": str(port), "PACKAGES": str(HOME), "CALLBACK": CALLBACK,
        "CLIENT_SECRET": CLIENT_SECRET, "PASSWORD": PASSWORD,
        "SIGNING_KEY": RSAKey.generate_key(RSA_BITS).as_pem(private=True).decode(),
    }  # fmt: skip
    pid = bench.spawn("oidc-provider", [str(NODE), str(PROGRAM)], environment)
    wait_for(f"{base}/.well-known/openid-configuration")
    return Server(Target("oidc-provider", base, "bench", CLIENT_SECRET, PASSWORD), ("sso", "login", "published"), [pid])
