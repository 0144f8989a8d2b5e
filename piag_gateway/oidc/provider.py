"""Cerbère's endpoints and keys, from its discovery document: PIAG's settings hold only the issuer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cerbere.env import is_loopback
from piag_gateway.conf import settings
from piag_gateway.faults import ProviderFault
from piag_gateway.oidc.fetch import Response, fetch
from piag_gateway.oidc.keys import CACHE_SECONDS, KeyCache


@dataclass(frozen=True)
class Provider:
    """The members of the discovery document that PIAG uses (OpenID Connect Discovery 1.0 §3)."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    end_session_endpoint: str  # empty when Cerbère offers none
    sends_iss: bool  # whether every authorization response carries `iss` (RFC 9207 §3)
    keys: KeyCache


class _ProviderCache:
    """The provider that this process knows.

    It is kept out of Django's cache, which others may be able to write: PIAG believes whatever these keys have signed.
    """

    provider: Provider | None = None
    fetched_at = 0.0  # seconds of time.monotonic


def get_provider() -> Provider:
    """Return Cerbère's provider; fetch its document when the process has none younger than CACHE_SECONDS.

    Raises ProviderFault; the next call then tries again.
    """
    if _ProviderCache.provider is None or time.monotonic() - _ProviderCache.fetched_at >= CACHE_SECONDS:
        _ProviderCache.provider = discover_provider(settings.ISSUER)
        _ProviderCache.fetched_at = time.monotonic()
    return _ProviderCache.provider


def discover_provider(issuer: str) -> Provider:
    """Fetch the issuer's discovery document and check it. Raises ProviderFault."""
    document = _read_document(fetch("GET", f"{issuer}/.well-known/openid-configuration"))
    if document.get("issuer") != issuer:  # §4.3: they must be identical, or the document is another provider's
        raise ProviderFault("discovery_issuer")
    jwks_uri = _read_endpoint(document, "jwks_uri")
    return Provider(
        authorization_endpoint=_read_endpoint(document, "authorization_endpoint"),
        token_endpoint=_read_endpoint(document, "token_endpoint"),
        userinfo_endpoint=_read_endpoint(document, "userinfo_endpoint"),
        end_session_endpoint=_read_optional_endpoint(document, "end_session_endpoint"),
        sends_iss=document.get("authorization_response_iss_parameter_supported") is True,
        keys=KeyCache(lambda: _read_document(fetch("GET", jwks_uri))),
    )


def _read_document(response: Response) -> Mapping[str, Any]:
    if response.status != 200:
        raise ProviderFault(f"status_{response.status}")
    return response.parse_json_object()


def _read_optional_endpoint(document: Mapping[str, Any], name: str) -> str:
    return _read_endpoint(document, name) if name in document else ""


def _read_endpoint(document: Mapping[str, Any], name: str) -> str:
    """Return an endpoint's URL: https, or http on this machine only."""
    url = document.get(name)
    if not isinstance(url, str) or not (url.startswith("https://") or _is_loopback_http(url)):
        raise ProviderFault(f"discovery_{name}")
    return url


def _is_loopback_http(url: str) -> bool:
    try:
        return url.startswith("http://") and is_loopback(url)
    except ValueError:
        return False
