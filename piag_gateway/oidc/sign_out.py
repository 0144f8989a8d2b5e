"""Ending the session here, then Cerbère's (OpenID Connect RP-Initiated Logout 1.0 §2)."""

from urllib.parse import urlencode

import structlog
from django.contrib import auth
from django.core import signing
from django.http import HttpRequest

from piag_gateway.conf import settings
from piag_gateway.faults import ProviderFault
from piag_gateway.oidc.provider import provider
from piag_gateway.proof import Proof

SALT = "piag.signed-out"
STATE_SECONDS = 600  # how long after leaving the home page may say that one has signed out

log = structlog.stdlib.get_logger("piag.sign_out")


def sign_out(request: HttpRequest, proof: Proof) -> str:
    """The address where the agent ends Cerbère's session too; empty when Cerbère does not say or does not answer.

    PIAG's own session is over in any case.
    """
    auth.logout(request)
    log.info("sign_out.done")
    try:
        endpoint = provider().end_session_endpoint
    except ProviderFault as fault:
        log.warning("sign_out.provider_session_left", reason=fault.reason)
        return ""
    return f"{endpoint}?{urlencode(_parameters(proof))}" if endpoint else ""


def _parameters(proof: Proof) -> dict[str, str]:
    return {
        "id_token_hint": proof.id_token,
        "client_id": settings.OIDC_RP_CLIENT_ID,
        "post_logout_redirect_uri": f"{settings.PUBLIC_URL}/",
        "state": signing.dumps("signed-out", salt=SALT),
    }


def comes_from_sign_out(state: str) -> bool:
    """Whether Cerbère brings back the state that a recent sign-out gave it; it decides one sentence, no more."""
    try:
        signing.loads(state, salt=SALT, max_age=STATE_SECONDS)
    except signing.BadSignature:
        return False
    return True
