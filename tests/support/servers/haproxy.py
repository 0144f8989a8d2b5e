"""Debian's haproxy with the configuration that we deliver."""

import csv
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.servers.programs import find_program, free_port
from tests.support.servers.proxy import SITES, Proxy, adapt_configuration, make_certificate, read_all, running_proxy

CONFIGURATION = ROOT / "docs/deploy/haproxy.cfg"
PATIENCE = 10  # seconds


@dataclass(frozen=True)
class Haproxy(Proxy):
    admin_port: int = 0

    def nodes(self) -> dict[str, str]:
        """Return the state of each checked node, and the result of its last check: UP L7OK, DOWN L7STS…"""
        with socket.create_connection(("127.0.0.1", self.admin_port), timeout=PATIENCE) as connection:
            connection.sendall(b"show stat -1 4 -1\n")
            rows = csv.DictReader(read_all(connection).removeprefix("# ").splitlines())
        return {row["svname"]: f"{row['status']} {row['check_status']}" for row in rows if row["check_status"]}

    def wait_until_nodes_are(self, **states: str) -> None:
        end = time.monotonic() + PATIENCE
        while (nodes := self.nodes()) | states != nodes:
            assert time.monotonic() < end, nodes
            time.sleep(0.02)

    def wait_for_log(self, words: str) -> str:
        """Wait for a line of the log with these words, and return it."""
        end = time.monotonic() + PATIENCE
        while not (found := [line for line in self.log.read_text().splitlines() if words in line]):
            assert time.monotonic() < end, words
            time.sleep(0.02)
        return found[-1]


def haproxy_in_front(place: Path, cerbere: int, piag: int) -> AbstractContextManager[Proxy]:
    """Run HAProxy in front of these two ports."""
    return running_haproxy(place, (cerbere, cerbere), (piag, piag))


@contextmanager
def running_haproxy(place: Path, cerbere: tuple[int, int], piag: tuple[int, int], **changes: str) -> Iterator[Haproxy]:
    """Run HAProxy in front of two nodes of each program; `changes` replaces parts of the file."""
    certificate = make_certificate(place)
    (place / "tls.pem").write_bytes(certificate.read_bytes() + (place / "piag.key").read_bytes())
    proxy = Haproxy(free_port(), certificate, free_port(), place / "said", free_port())
    nodes = zip(("11:8000", "12:8000", "21:8001", "22:8001"), (*cerbere, *piag), strict=True)
    changes |= addresses(place, proxy) | {f"192.0.2.{old}": f"127.0.0.1:{new}" for old, new in nodes}
    (place / "haproxy.cfg").write_text(adapt_configuration(CONFIGURATION, changes))
    words = [find_program("haproxy"), "-db", "-f", str(place / "haproxy.cfg")]
    with running_proxy(words, place, proxy, CERBERE_HOST=SITES[0], PIAG_HOST=SITES[1]):
        yield proxy


def addresses(place: Path, proxy: Haproxy) -> dict[str, str]:
    return {
        "bind :80\n": f"bind 127.0.0.1:{proxy.plain_port}\n",
        "bind :443 ": f"bind 127.0.0.1:{proxy.port} ",
        "/run/haproxy/admin.sock mode 600": f"127.0.0.1:{proxy.admin_port}",
        "/etc/haproxy/tls.pem": f"{place}/tls.pem",
        "inter 2s": "inter 50ms",
        "maxconn 2000": "maxconn 200",  # with fewer files open than some accounts may have
        "    user haproxy\n    group haproxy\n    chroot /var/lib/haproxy\n": "",
    }
