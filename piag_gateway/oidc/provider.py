"""Cerbère as its discovery document describes it: no address of it is written in this program."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cerbere.env import is_loopback
from piag_gateway.conf import settings
from piag_gateway.faults import ProviderFault
from piag_gateway.oidc.fetch import Answer, fetch
from piag_gateway.oidc.keys import KEPT_SECONDS, KeyCache


@dataclass(frozen=True)
class Provider:
    """What PIAG uses of the document (OpenID Connect Discovery §3)."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    end_session_endpoint: str  # empty: Cerbère does not offer to end its session
    names_itself: bool  # every authorization response carries `iss` (RFC 9207 §3)
    keys: KeyCache


class _Memory:
    """In this process only: what decides whom PIAG believes is not put in a cache that others can write."""

    provider: Provider | None = None
    read_at = 0.0


def provider() -> Provider:
    """Read from Cerbère the first time and then as often as its keys; a failure is not remembered."""
    if _Memory.provider is None or time.monotonic() - _Memory.read_at >= KEPT_SECONDS:
        _Memory.provider = discover(settings.ISSUER)
        _Memory.read_at = time.monotonic()
    return _Memory.provider


def discover(issuer: str) -> Provider:
    document = _document(fetch("GET", f"{issuer}/.well-known/openid-configuration"))
    if document.get("issuer") != issuer:
        raise ProviderFault("discovery_issuer")  # §4.3: exactly, or this is somebody else's
    jwks_uri = _endpoint(document, "jwks_uri")
    return Provider(
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint"),
        end_session_endpoint=_endpoint(document, "end_session_endpoint") if "end_session_endpoint" in document else "",
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        keys=KeyCache(lambda: _document(fetch("GET", jwks_uri))),
    )


def _document(answer: Answer) -> Mapping[str, Any]:
    if answer.status != 200:
        raise ProviderFault(f"status_{answer.status}")
    return answer.document()


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not (url.startswith("https://") or _is_here(url)):
        raise ProviderFault(f"discovery_{name}")
    return url


def _is_here(url: str) -> bool:
    try:
        return url.startswith("http://") and is_loopback(url)
    except ValueError:
        return False
