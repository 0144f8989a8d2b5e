"""The end of PIAG's session, then of Cerbère's (OpenID Connect RP-Initiated Logout 1.0 §2)."""

from urllib.parse import urlencode

import structlog
from django.contrib import auth
from django.core import signing
from django.http import HttpRequest

from piag_gateway.conf import settings
from piag_gateway.faults import ProviderFault
from piag_gateway.oidc.provider import get_provider
from piag_gateway.proof import Proof

STATE_SALT = "piag.signed-out"
STATE_SECONDS = 600  # how long after the sign-out the home page may confirm it

log = structlog.stdlib.get_logger("piag.sign_out")


def end_session(request: HttpRequest, proof: Proof) -> str:
    """End PIAG's session and return the URL where the agent ends Cerbère's too.

    The URL is empty when Cerbère offers no such endpoint or does not answer. PIAG's session has ended in any case.
    """
    auth.logout(request)
    log.info("sign_out.done")
    try:
        endpoint = get_provider().end_session_endpoint
    except ProviderFault as fault:
        log.warning("sign_out.provider_session_left", reason=fault.reason)
        return ""
    return f"{endpoint}?{urlencode(_build_logout_parameters(proof))}" if endpoint else ""


def _build_logout_parameters(proof: Proof) -> dict[str, str]:
    return {
        "id_token_hint": proof.id_token,
        "client_id": settings.OIDC_RP_CLIENT_ID,
        "post_logout_redirect_uri": f"{settings.PUBLIC_URL}/",
        "state": signing.dumps("signed-out", salt=STATE_SALT),
    }


def is_sign_out_state(state: str) -> bool:
    """Return whether Cerbère brings back the state of a recent sign-out. Only a sentence on the page depends on it."""
    try:
        signing.loads(state, salt=STATE_SALT, max_age=STATE_SECONDS)
    except signing.BadSignature:
        return False
    return True
