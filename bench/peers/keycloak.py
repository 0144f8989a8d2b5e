"""Keycloak on PostgreSQL, built for production (`kc.sh build`), with its default heap, hash and caches of one node.

Install: `python -m bench.install keycloak`, with Maven (which brings the distribution) and a Java that it supports:
17 or newer, on the PATH or in JAVA_HOME.

It keeps its users' sessions in PostgreSQL, as it does by default. Passwords are hashed as it does by default, with
Argon2id at 7 MiB, five passes. A Java program is slow until it is compiled: it runs for a while before it is measured.
"""

import base64
import json
import secrets
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from psycopg.conninfo import conninfo_to_dict

from bench.flows import CALLBACK, Target
from bench.load import SERVER_CORE
from bench.server import CACHE, CLIENT_SECRET, PASSWORD, Bench, Server, clean_environment, free_base, on_core, wait_for

VERSION = "26.7.0"
HOME = CACHE / f"keycloak-{VERSION}"
PROGRAM = HOME / "bin" / "kc.sh"
USERS = 1000
WARM_UP = {"sso": 240.0, "login": 30.0, "published": 10.0}  # seconds; in four minutes a sign-on's CPU halves
ITERATIONS, MEMORY_KIB, HASH_BYTES = 5, 7168, 32  # Keycloak's own


def is_installed() -> bool:
    return PROGRAM.exists()


def install() -> None:
    """Unpack and build it aside: it stands in its place only when it is complete."""
    coordinates = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
    with TemporaryDirectory(dir=CACHE) as directory:
        unpack = ["mvn", "--batch-mode", "--quiet", "dependency:unpack", f"-Dartifact={coordinates}"]
        subprocess.run([*unpack, f"-DoutputDirectory={directory}"], check=True, cwd=directory)  # noqa: S603
        home = Path(directory) / HOME.name
        build = [str(home / "bin" / "kc.sh"), "build", "--db=postgres", "--cache=local"]
        subprocess.run(build, check=True, env=clean_environment())  # noqa: S603
        home.rename(HOME)


def start(bench: Bench) -> Server:
    port, base = free_base()
    environment = clean_environment() | database_settings(bench.create_database("keycloak"))
    realm = bench.directory / "keycloak-realm.json"
    realm.write_text(json.dumps(make_realm()))
    with on_core(SERVER_CORE), (bench.directory / "keycloak-import.log").open("wb") as log:
        load = [str(PROGRAM), "import", "--optimized", f"--file={realm}"]
        subprocess.run(load, env=environment, check=True, stdout=log, stderr=log)  # noqa: S603
    command = [str(PROGRAM), "start", "--optimized", "--http-enabled=true", "--http-host=127.0.0.1",
               f"--http-port={port}", f"--hostname={base}", "--log-level=warn"]  # fmt: skip
    pid = bench.spawn("keycloak", command, environment)
    discovery = "/realms/bench/.well-known/openid-configuration"
    wait_for(base + discovery)
    target = Target("keycloak", base, "bench", CLIENT_SECRET, PASSWORD, discovery, users=USERS)
    return Server(target, ("sso", "login", "published"), [pid], bench.postmaster, warm_up=WARM_UP)


def database_settings(url: str) -> dict[str, str]:
    """Return the settings that reach this database by TCP: its JDBC driver knows no socket."""
    database = conninfo_to_dict(url)
    return {
        "KC_DB_URL": f"jdbc:postgresql://127.0.0.1:{database['port']}/{database['dbname']}",
        "KC_DB_USERNAME": str(database["user"]), "KC_DB_PASSWORD": str(database["password"]),
    }  # fmt: skip


def make_realm() -> dict[str, Any]:
    """Return a realm with one client that needs no consent, and users with one password."""
    credential = make_credential()
    return {
        "realm": "bench", "enabled": True, "sslRequired": "none",
        "clients": [{
            "clientId": "bench", "secret": CLIENT_SECRET, "redirectUris": [CALLBACK], "consentRequired": False,
            "publicClient": False, "standardFlowEnabled": True, "attributes": {"pkce.code.challenge.method": "S256"},
        }],
        "users": [{
            "username": f"agent{n:05}", "enabled": True, "email": f"agent{n:05}@example.fr", "emailVerified": True,
            "firstName": "Agent", "lastName": f"N° {n}", "credentials": [credential],
        } for n in range(USERS)],
    }  # fmt: skip


def make_credential() -> dict[str, str]:
    """Return the password hashed as Keycloak does, so that the import need not hash it for each user."""
    salt = secrets.token_bytes(16)
    digest = hash_secret_raw(PASSWORD.encode(), salt, ITERATIONS, MEMORY_KIB, 1, HASH_BYTES, Type.ID)
    parameters = {"hashLength": str(HASH_BYTES), "memory": str(MEMORY_KIB), "type": "id", "version": "1.3",
                  "parallelism": "1"}  # fmt: skip
    return {
        "type": "password",
        "secretData": json.dumps({"value": base64.b64encode(digest).decode(), "salt": base64.b64encode(salt).decode()}),
        "credentialData": json.dumps({
            "hashIterations": ITERATIONS, "algorithm": "argon2",
            "additionalParameters": {name: [value] for name, value in parameters.items()},
        }),
    }  # fmt: skip
