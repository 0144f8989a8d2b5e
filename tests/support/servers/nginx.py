"""Debian's nginx with the two configurations that we deliver."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.paths import ROOT
from tests.support.servers.programs import find_program, free_port
from tests.support.servers.proxy import SITES, Proxy, adapt_configuration, make_certificate, running_proxy

GATEWAY = ROOT / "docs/deploy/gateway-nginx.conf"
TEMPLATE = ROOT / "docs/deploy/nginx.conf.template"


@contextmanager
def running_nginx(place: Path, port: int, piag: str, application: str, more: str = "") -> Iterator[Proxy]:
    """Run nginx with the gateway's configuration at https://localhost:port, in front of these two URLs.

    `more` stands before what the file says of its upstreams.
    """
    changes = {**addresses(place, port, piag, application), "    upstream piag ": f"{more}\n    upstream piag "}
    with _nginx(place, adapt_configuration(GATEWAY, changes), Proxy(port, make_certificate(place))) as nginx:
        yield nginx


@contextmanager
def nginx_in_front(place: Path, cerbere: int, piag: int) -> Iterator[Proxy]:
    """Run nginx with the configuration of both programs, in front of these two ports."""
    proxy = Proxy(free_port(), make_certificate(place), free_port(), place / "said")
    changes = {
        "listen 80 ": f"listen 127.0.0.1:{proxy.plain_port} ", "listen 443 ": f"listen 127.0.0.1:{proxy.port} ",
        "server cerbere:8000": f"server 127.0.0.1:{cerbere}", "server piag:8000": f"server 127.0.0.1:{piag}",
        "${CERBERE_HOST}": SITES[0], "${PIAG_HOST}": SITES[1], " /tmp/": f" {place}/",
        "/run/secrets/tls_certificate": f"{place}/piag.crt", "/run/secrets/tls_key": f"{place}/piag.key",
    }  # fmt: skip
    with _nginx(place, adapt_configuration(TEMPLATE, changes), proxy) as nginx:
        yield nginx


def _nginx(place: Path, configuration: str, proxy: Proxy) -> AbstractContextManager[Proxy]:
    (place / "nginx.conf").write_text(configuration)
    words = [find_program("nginx"), "-p", str(place), "-c", str(place / "nginx.conf"), "-e", str(place / "error.log")]
    return running_proxy([*words, "-g", f"daemon off; {as_root()}"], place, proxy)


def as_root() -> str:
    """Return the directive by which root's workers stay root: only the suite's user may enter their directory."""
    return "user root;" if os.geteuid() == 0 else ""


def addresses(place: Path, port: int, piag: str, application: str) -> dict[str, str]:
    return {
        "listen 80 ": f"listen 127.0.0.1:{free_port()} ",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "server_name piag.example.fr;": "server_name localhost;",
        "server 127.0.0.1:8001;": f"server {urlsplit(piag).netloc};",
        "server 127.0.0.1:8080;": f"server {urlsplit(application).netloc};",
        "/etc/ssl/private/piag": f"{place}/piag",
        "/run/nginx.pid": f"{place}/nginx.pid",
        "/var/lib/nginx": str(place),
        "/var/log/nginx": str(place),
    }
