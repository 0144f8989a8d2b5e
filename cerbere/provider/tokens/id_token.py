"""Make ID tokens (OpenID Connect Core §2)."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from cerbere.provider.claims import select_id_token_claims
from cerbere.provider.hashes import hash_left_half
from cerbere.provider.keys import signing
from cerbere.provider.tokens.models import Grant
from cerbere.provider.tokens.subjects import compute_subject
from twofactor.strength import Strength, get_amr

ID_TOKEN_LIFETIME = timedelta(minutes=10)


def make_id_token(grant: Grant, access_token: str, nonce: str, now: datetime) -> str:
    """Return a signed ID token with `sid` (Back-Channel Logout §2.1) and the claims that this client may have."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        **select_id_token_claims(grant.agent, grant.claims.get("id_token", {}), grant.client.claims),
        "iss": settings.PUBLIC_URL,
        "sub": compute_subject(grant.agent, grant.client),
        "aud": grant.client.client_id,
        "iat": issued_at,
        "exp": issued_at + int(ID_TOKEN_LIFETIME.total_seconds()),
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "amr": get_amr(Strength(grant.strength)),
        "sid": str(grant.session_id),
        "at_hash": hash_left_half(access_token),
    }
    if nonce:
        claims["nonce"] = nonce
    return signing.sign_token(claims, grant.client.id_token_alg)
