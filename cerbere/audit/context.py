"""The origin of the current request, which every event of the audit log carries."""

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
    ip_address: str | None = None


current_origin: ContextVar[Origin] = ContextVar("current_origin", default=Origin())


def make_origin(request: HttpRequest) -> Origin:
    return Origin(secrets.token_hex(16), get_ip_address(request))


def get_ip_address(request: HttpRequest) -> str | None:
    """Return the client's IP address, None without one.

    As many entries of X-Forwarded-For are trusted as there are trusted proxies, from the right: what a client
    writes to the left of them has no effect. When the entry is not an IP address, the proxy's own is returned.
    """
    remote = _normalize_ip_address(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.TRUSTED_PROXIES
    if not proxies:
        return remote
    hops = re.split(r"\s*,\s*", request.META.get("HTTP_X_FORWARDED_FOR", "").strip())
    if len(hops) < proxies:
        return remote
    return _normalize_ip_address(hops[-proxies]) or remote


@lru_cache(maxsize=1000)
def _normalize_ip_address(value: str) -> str | None:
    """Return the canonical form of an IP address, without IPv6 scope or IPv4 mapping, None for any other text."""
    try:
        ip_address = ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(ip_address, "ipv4_mapped", None) or ip_address)


def make_reference(request_id: str) -> str:
    """Return the short form of a request id, which an agent can read out: 7F3A-21C9."""
    return f"{request_id[:4]}-{request_id[4:8]}".upper()
