"""Checks of the directory's settings: a fault stops the start, with one line each."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from accounts.directory.entries import parse_attribute_names
from cerbere.env import is_loopback

# One server: several would take longer than an agent waits.
SERVER = re.compile(r"ldaps?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?/?\Z", re.ASCII | re.IGNORECASE)


def find_directory_faults() -> Iterator[tuple[str, str]]:
    """Yield the name of a setting and its fault, for each fault; none without a directory."""
    if not settings.LDAP_URL:
        return
    yield from _find_transport_faults()
    if find_spec("django_auth_ldap") is None:
        yield "CERBERE_LDAP_URL", "needs the extra `ldap`, which is not installed"
    if not settings.LDAP_BASE:
        yield "CERBERE_LDAP_BASE", "is missing: where in the directory people are"
    if bool(settings.AUTH_LDAP_BIND_DN) != bool(settings.AUTH_LDAP_BIND_PASSWORD):
        yield "CERBERE_LDAP_BIND_PASSWORD", "and CERBERE_LDAP_BIND_DN go together"
    if settings.LDAP_PASSWORD_URL and not settings.LDAP_PASSWORD_URL.startswith(("https://", "http://")):
        yield "CERBERE_LDAP_PASSWORD_URL", "must be https://… or http://…"
    try:
        parse_attribute_names(settings.LDAP_ATTRIBUTES)
    except ValueError as error:
        yield "CERBERE_LDAP_ATTRIBUTES", f"holds {error}: it takes field=attribute or field=first,second"


def _find_transport_faults() -> Iterator[tuple[str, str]]:
    """Yield faults by which a password would cross the network in clear, or reach a server that proves no name."""
    is_encrypted = settings.LDAP_URL.lower().startswith("ldaps:")
    if not SERVER.match(settings.LDAP_URL):
        yield "CERBERE_LDAP_URL", "must be ldaps://host or ldap://host, perhaps with a port"
    elif is_encrypted and settings.AUTH_LDAP_START_TLS:
        yield "CERBERE_LDAP_STARTTLS", "must be 0 with ldaps, which is encrypted from the start"
    elif not (is_encrypted or settings.AUTH_LDAP_START_TLS or is_loopback(settings.LDAP_URL)):
        yield "CERBERE_LDAP_URL", "must be ldaps, or CERBERE_LDAP_STARTTLS 1, outside this machine"
    if settings.LDAP_CA_FILE and not Path(settings.LDAP_CA_FILE).is_file():
        yield "CERBERE_LDAP_CA_FILE", "names no file"
