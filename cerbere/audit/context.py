"""Who asks, from where: the facts of the current request that every line of the journal carries."""

import ipaddress
import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True)
class Origin:
    request_id: str = ""
    address: str | None = None


current_origin: ContextVar[Origin] = ContextVar("current_origin", default=Origin())


def origin_of(request: HttpRequest) -> Origin:
    return Origin(secrets.token_hex(16), client_address(request))


def client_address(request: HttpRequest) -> str | None:
    """The address of the caller.

    X-Forwarded-For is read from its right end, as many entries as there are trusted proxies: what a client
    writes to the left of them has no effect. Anything that is not an address counts as the proxy's own.
    """
    remote = _address(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.TRUSTED_PROXIES
    if not proxies:
        return remote
    hops = re.split(r"\s*,\s*", request.META.get("HTTP_X_FORWARDED_FOR", "").strip())
    if len(hops) < proxies:
        return remote
    return _address(hops[-proxies]) or remote


@lru_cache(maxsize=1000)
def _address(value: str) -> str | None:
    """One spelling an address, without IPv6 scope (a name of no meaning elsewhere) nor IPv4 mapping."""
    try:
        address = ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def reference_of(request_id: str) -> str:
    """The short form of a request id that an agent can read out: 7F3A-21C9."""
    return f"{request_id[:4]}-{request_id[4:8]}".upper()
