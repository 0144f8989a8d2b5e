"""Describe the provider to applications (OpenID Connect Discovery §3), without SQL and whatever the request."""

import json
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import reverse

from cerbere.provider.authorization.request import RESPONSE_MODES
from cerbere.provider.claims import CLAIMS, SCOPES
from cerbere.provider.clients import authentication
from cerbere.provider.keys import ring, signing
from cerbere.provider.tokens.token import GRANT_TYPES

ID_TOKEN_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"]


def make_configuration() -> bytes:
    """Return the discovery document in JSON, made once a process and again when a kind of key comes or goes."""
    return _make_document(settings.PUBLIC_URL, tuple(signing.get_current_ring().list_algorithms()))


@lru_cache(maxsize=4)
def _make_document(issuer: str, algorithms: tuple[str, ...]) -> bytes:
    return json.dumps(_describe(issuer, algorithms)).encode()


def _describe(issuer: str, algorithms: tuple[str, ...]) -> dict[str, Any]:
    def make_url(name: str) -> str:
        return f"{issuer}{reverse(name)}"

    return {
        "issuer": issuer,
        "authorization_endpoint": make_url("authorize"),
        "token_endpoint": make_url("token"),
        "userinfo_endpoint": make_url("userinfo"),
        "jwks_uri": make_url("jwks"),
        "end_session_endpoint": make_url("end_session"),
        "revocation_endpoint": make_url("revoke"),
        "introspection_endpoint": make_url("introspect"),
        "pushed_authorization_request_endpoint": make_url("push"),
        "scopes_supported": ["openid", *SCOPES, *(claim for claim in CLAIMS if claim not in SCOPES)],
        "response_types_supported": ["code"],
        "response_modes_supported": RESPONSE_MODES,
        "grant_types_supported": list(GRANT_TYPES),
        "acr_values_supported": ["eidas1", "eidas2"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "userinfo_signing_alg_values_supported": list(algorithms),
        "token_endpoint_auth_methods_supported": authentication.METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ring.ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": authentication.METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": ring.ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": authentication.METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": ring.ALGORITHMS,
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": [*ID_TOKEN_CLAIMS, *CLAIMS],
        "claim_types_supported": ["normal"],
        "ui_locales_supported": [code for code, _name in settings.LANGUAGES],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }
