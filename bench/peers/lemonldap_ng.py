r"""LemonLDAP::NG as Debian 12 packages it (2.16): nginx before llng-fastcgi-server.

Install, as root, without starting its services:

    apt-get install --no-install-recommends lemonldap-ng lemonldap-ng-fastcgi-server nginx-light redis-server \
        libapache-session-browseable-perl libredis-fast-perl libdbd-pg-perl libio-string-perl libstring-random-perl \
        libgd-securityimage-perl perlmagick libhttp-parser-xs-perl libcookie-baker-xs-perl

Root starts it, it runs as `www-data`, with the package's own configuration but for what stands here. Sessions are in
a Redis of its own that keeps nothing on disk. Accounts are in PostgreSQL, reached by TCP (its socket here is not for
others), their passwords hashed once with SHA-256 and no salt: without a hash function of the database, LemonLDAP::NG
compares them as they are.

All programs run in one directory under the bench's; the paths in the files written for them are relative to it.
"""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from psycopg.conninfo import conninfo_to_dict

from bench.flows import CALLBACK, Target
from bench.server import CLIENT_SECRET, PASSWORD, Bench, Server, free_base, wait_for

ACCOUNT = "www-data"
SHIPPED = Path("/var/lib/lemonldap-ng/conf/lmConf-1.json")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PROGRAMS = ("llng-fastcgi-server", "nginx", "redis-server", "setpriv")
MODULES = ("Lemonldap::NG::Portal::Issuer::OpenIDConnect", "Lemonldap::NG::Portal::Captcha::SecurityImage",
           "Apache::Session::Browseable::Redis", "DBD::Pg")  # fmt: skip
USERS = 1000
RSA_BITS = 2048
PROCESSES = 7  # llng-fastcgi-server's default
SETTINGS = """
[all]
logLevel = warn
; seconds between two looks for a new configuration
checkTime = 600
[configuration]
type = File
dirName = .
localStorage = Cache::FileCache
localStorageOptions = {'namespace' => 'configuration', 'cache_root' => 'cache', 'cache_depth' => 3}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = fr, en
"""
NGINX = """
daemon off;
worker_processes 1;
pid nginx.pid;
events { worker_connections 512; }
http {
    access_log off;
    keepalive_requests 1000000;  # the load generator's connections stay open
    client_body_temp_path temporary;
    fastcgi_temp_path temporary;
    proxy_temp_path temporary;
    scgi_temp_path temporary;
    uwsgi_temp_path temporary;
    server {
        listen 127.0.0.1:%d;
        location / {
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_NAME "";
            fastcgi_param LLTYPE portal;
            fastcgi_pass unix:socket;
        }
    }
}
"""


def is_installed() -> bool:
    """Tell whether its programs and their modules are there, for root."""
    if os.geteuid() != 0 or not all(shutil.which(program, path=PATH) for program in PROGRAMS):
        return False
    load = ["perl", *(f"-M{module}" for module in MODULES), "-e", "1"]
    return subprocess.run(load, env={"PATH": PATH}, capture_output=True).returncode == 0  # noqa: S603


def install() -> None:
    raise OSError("Debian's packages are for root to install")


def start(bench: Bench) -> Server:
    directory = bench.directory / "lemonldap-ng"
    port, base = free_base()
    redis_port, _ = free_base()
    database = bench.create_database("lemonldap")
    make_agents(database)
    shipped: dict[str, object] = json.loads(SHIPPED.read_text())
    write_files(
        directory, port, shipped | account_settings(database) | session_settings(redis_port) | provider_settings(base)
    )
    pids = [spawn(bench, directory, command) for command in make_commands(redis_port)]
    with ThreadPoolExecutor(PROCESSES) as pool:  # each process loads the portal when its first request comes
        list(pool.map(wait_for, [f"{base}/.well-known/openid-configuration"] * PROCESSES))
    target = Target("lemonldap-ng", base, "bench", CLIENT_SECRET, PASSWORD, users=USERS, user_field="user")
    return Server(target, ("sso", "login", "published"), pids, bench.postmaster)


def make_agents(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE users (uid text PRIMARY KEY, name text, mail text, password bytea)")
        connection.execute(
            "INSERT INTO users SELECT uid, uid, uid || '@example.fr', sha256(%s)"
            " FROM (SELECT 'agent' || lpad(n::text, 5, '0') AS uid FROM generate_series(0, %s - 1) AS n) AS agents",
            [PASSWORD.encode(), USERS],
        )


def account_settings(database: str) -> dict[str, object]:
    parts = conninfo_to_dict(database)
    return {
        "authentication": "DBI", "userDB": "Same", "passwordDB": "Null", "registerDB": "Null",
        "dbiAuthChain": f"dbi:Pg:dbname={parts['dbname']};host=127.0.0.1;port={parts['port']}",
        "dbiAuthUser": parts["user"], "dbiAuthPassword": parts["password"],
        "dbiAuthTable": "users", "dbiAuthLoginCol": "uid", "dbiAuthPasswordCol": "password",
        "dbiAuthPasswordHash": "sha256", "dbiExportedVars": {"uid": "uid", "cn": "name", "mail": "mail"},
    }  # fmt: skip


def session_settings(redis_port: int) -> dict[str, object]:
    module, where = "Apache::Session::Browseable::Redis", {"server": f"127.0.0.1:{redis_port}"}
    local = {"namespace": "sessions", "cache_root": "cache", "cache_depth": 3, "default_expires_in": 600}  # seconds
    return {
        "globalStorage": module, "globalStorageOptions": where,
        "persistentStorage": module, "persistentStorageOptions": where,
        "localSessionStorageOptions": local, "notificationStorageOptions": {"dirName": "notifications"},
    }  # fmt: skip


def provider_settings(base: str) -> dict[str, object]:
    """Return the settings of OpenID Connect with one client, which needs no consent."""
    key = rsa.generate_private_key(65537, RSA_BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    options = {
        "ClientID": "bench", "ClientSecret": CLIENT_SECRET, "RedirectUris": CALLBACK, "BypassConsent": 1,
        "IDTokenSignAlg": "RS256", "RequirePKCE": 1,
    }  # fmt: skip
    return {
        "portal": f"{base}/", "domain": "127.0.0.1",
        "issuerDBOpenIDConnectActivation": 1, "oidcServiceMetaDataIssuer": base, "oidcServiceKeyIdSig": "bench",
        "oidcServicePrivateKeySig": private.decode(), "oidcServicePublicKeySig": public.decode(),
        "oidcRPMetaDataOptions": {"bench": {f"oidcRPMetaDataOptions{name}": each for name, each in options.items()}},
        "oidcRPMetaDataExportedVars": {"bench": {"name": "cn", "email": "mail", "preferred_username": "uid"}},
    }  # fmt: skip


def write_files(directory: Path, port: int, configuration: dict[str, object]) -> None:
    """Write what its programs read, and make the directories where they write."""
    directory.mkdir(mode=0o700)
    for name in ("cache", "notifications", "temporary"):
        (directory / name).mkdir()
    (directory / SHIPPED.name).write_text(json.dumps(configuration))
    (directory / "lemonldap-ng.ini").write_text(SETTINGS)
    (directory / "nginx.conf").write_text(NGINX % port)
    for path in (directory, *directory.iterdir()):
        shutil.chown(path, ACCOUNT, ACCOUNT)


def make_commands(redis_port: int) -> list[list[str]]:
    """Return the commands of its programs, all in the foreground."""
    return [
        ["redis-server", "--bind", "127.0.0.1", "--port", str(redis_port), "--save", "", "--appendonly", "no"],
        ["llng-fastcgi-server", "--foreground", f"--proc={PROCESSES}", "--socket=socket", "--pid=fastcgi.pid"],
        ["nginx", "-p", ".", "-c", "nginx.conf", "-e", "stderr"],
    ]


def spawn(bench: Bench, directory: Path, command: list[str]) -> int:
    """Return the process id. Nothing of the caller's environment: llng-fastcgi-server takes NPROC, USER and more."""
    lower = ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups"]
    environment = {
        "PATH": PATH, "LLNG_DEFAULTCONFFILE": "lemonldap-ng.ini",
        "LLNG_DEFAULTLOGGER": "Lemonldap::NG::Common::Logger::Std",
    }  # fmt: skip
    return bench.spawn(command[0], [*lower, *command], environment, directory)
