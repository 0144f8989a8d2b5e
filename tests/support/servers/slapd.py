"""A private OpenLDAP server for the suite: Debian's slapd with a configuration and a small directory of ours.

It listens on two free loopback ports, plain (for StartTLS) and TLS, in a directory of its own that goes away with it.
No right is needed. The attributes of the ministry's directory are the schema below.
"""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap
import ldap.modlist

from tests.support.certificates import Authority
from tests.support.servers.programs import UnavailableError, find_program, free_port
from tests.support.servers.proxy import is_listening

BASE = "dc=equipement,dc=gouv,dc=fr"
ROOT, SERVICE = f"cn=root,{BASE}", f"cn=cerbere,{BASE}"
ROOT_PASSWORD, SERVICE_PASSWORD = "only-for-the-tests", "the-service-of-cerbere"
SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")
STOP_SECONDS = 10

SCHEMA = """
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'mailPR' SUP name SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.3 NAME 'mineqTypeEntree' SUP name SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.4 NAME 'mineqPasswordDoitChanger' SUP name SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.5 NAME 'mineqInfoSec' SUP name )
attributetype ( 1.3.6.1.4.1.99999.1.6 NAME 'siret' SUP name SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'mineqPerson' SUP inetOrgPerson STRUCTURAL
  MAY ( mailPR $ mineqTypeEntree $ mineqPasswordDoitChanger $ mineqInfoSec $ siret $
        uniqueIdentifier ) )
"""

CONFIGURATION = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
include {place}/mineq.schema
# A bind without a password succeeds as nobody, as in many directories: Cerbère must see to it.
allow bind_anon_dn
modulepath {modules}
moduleload back_mdb
pidfile {place}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {certificate}
database mdb
maxsize 16777216
suffix "{base}"
rootdn "{root}"
rootpw {root_password}
directory {place}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{service}" read by * none
"""

TREE = f"""
dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: equipement
o: Ministère

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: cerbere
userPassword: {SERVICE_PASSWORD}

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people
"""


def make_dn(name: str) -> str:
    return f"cn={name},ou=people,{BASE}"


@dataclass
class Slapd:
    """A running server. `authority` signed its certificate for 127.0.0.1: libldap makes another name of "localhost"."""

    place: Path
    authority: Authority
    port: int
    tls_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def plain(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def launch(self) -> None:
        addresses = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        command = [find_program("slapd"), "-d", "0", "-f", self.place / "slapd.conf", "-h", addresses]
        with (self.place / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        if not (is_listening(self.process, self.port) and is_listening(self.process, self.tls_port)):
            raise UnavailableError(f"slapd does not start:\n{(self.place / 'log').read_text()}")

    def stop(self) -> None:
        """Stop the server; harmless when it does not run."""
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(STOP_SECONDS)
            self.process = None

    def freeze(self, frozen: bool) -> None:
        """Suspend or resume the server; while suspended its port accepts connections and no response comes."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)
        while frozen and not all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in self._threads()):
            time.sleep(0.005)  # until its main thread has run to take the signal, the others go on answering

    def _threads(self) -> Iterator[Path]:
        assert self.process
        return Path(f"/proc/{self.process.pid}/task").glob("*/stat")

    def root(self) -> Any:
        connection = ldap.initialize(f"ldap://127.0.0.1:{self.port}")
        connection.simple_bind_s(ROOT, ROOT_PASSWORD)
        return connection

    def put(self, name: str, **attributes: Any) -> None:
        """Add or replace an entry; strings or lists of strings, None for what it has not."""
        self.remove(name)
        given = {key: [value] if isinstance(value, str) else value for key, value in attributes.items() if value}
        entry = {"objectClass": ["mineqPerson"], "cn": [name], **given}
        self.root().add_s(
            make_dn(name), ldap.modlist.addModlist({k: [_bytes(v) for v in vs] for k, vs in entry.items()})
        )

    def change(self, name: str, **attributes: str | list[str] | None) -> None:
        """Replace these attributes; None takes one away."""
        values = {key: [value] if isinstance(value, str) else value for key, value in attributes.items()}
        changes = [(ldap.MOD_REPLACE, key, vs and [_bytes(v) for v in vs]) for key, vs in values.items()]
        self.root().modify_s(make_dn(name), changes)

    def remove(self, name: str) -> None:
        with suppress(ldap.NO_SUCH_OBJECT):
            self.root().delete_s(make_dn(name))

    def empty(self) -> None:
        root = self.root()
        for dn, _attributes in root.search_s(f"ou=people,{BASE}", ldap.SCOPE_ONELEVEL, attrlist=["1.1"]):
            root.delete_s(dn)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def start() -> Slapd:
    """Return a new server with no entry of a person. Raises UnavailableError."""
    find_program("slapd")
    place = Path(tempfile.mkdtemp(prefix="cerbere-slapd-"))
    server = Slapd(place, Authority(place), free_port(), free_port())
    try:
        _write(server)
        server.launch()
    except BaseException:
        remove(server)
        raise
    return server


def remove(server: Slapd) -> None:
    server.stop()
    shutil.rmtree(server.place, ignore_errors=True)


def _write(server: Slapd) -> None:
    place = server.place
    (place / "data").mkdir()
    (place / "mineq.schema").write_text(SCHEMA)
    (place / "tree.ldif").write_text(TREE)
    configuration = CONFIGURATION.format(
        schemas=SCHEMAS,
        modules=MODULES,
        place=place,
        certificate=server.authority.issue("127.0.0.1"),
        base=BASE,
        root=ROOT,
        root_password=ROOT_PASSWORD,
        service=SERVICE,
    )
    (place / "slapd.conf").write_text(configuration)
    command = [find_program("slapadd", "slapd"), "-q", "-f", place / "slapd.conf", "-l", place / "tree.ldif"]
    added = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if added.returncode:
        raise UnavailableError(f"slapadd failed:\n{added.stdout}{added.stderr}")
