"""The endpoint where Cerbère ends sessions without a browser (OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8)."""

import time
from datetime import UTC, datetime

import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from piag_gateway.conf import settings
from piag_gateway.faults import ProviderFault, ProviderUnavailable, TokenRefused
from piag_gateway.models import Session, SpentToken
from piag_gateway.oidc.id_token import Claims, Expectations
from piag_gateway.oidc.logout_token import RETENTION_SECONDS, SESSION_CLAIMS, decode_logout_token
from piag_gateway.oidc.provider import get_provider

FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"

log = structlog.stdlib.get_logger("piag.backchannel_logout")


@csrf_exempt
@require_POST
def backchannel_logout(request: HttpRequest) -> HttpResponse:
    """Return 200 once the sessions have ended, even if there were none, and 400 for an invalid token (§2.8).

    503 says that Cerbère's keys cannot be fetched, so that the token cannot be checked: Cerbère will try again.
    """
    now = time.time()
    try:
        count = end_sessions(_read_claims(request, now), now)
    except ProviderFault as fault:
        log.warning("backchannel_logout.not_judged", reason=fault.reason)
        headers = {"Retry-After": str(ProviderUnavailable.retry_after)}
        return JsonResponse({"error": "temporarily_unavailable"}, status=503, headers=headers)
    except (TokenRefused, SuspiciousOperation) as error:
        log.warning("backchannel_logout.refused", reason=getattr(error, "reason", type(error).__name__))
        return JsonResponse({"error": "invalid_request"}, status=400)
    log.info("backchannel_logout.done", sessions=count)
    return HttpResponse()


def _read_claims(request: HttpRequest, now: float) -> Claims:
    """Return the claims of the form's one logout token. Raises TokenRefused or ProviderFault.

    Cerbère is asked only when a well-formed token needs a key: every client on the network can post here.
    """
    tokens = request.POST.getlist("logout_token") if request.content_type == FORM_CONTENT_TYPE else []
    if len(tokens) != 1:
        raise TokenRefused("no_token")
    expected = Expectations(issuer=settings.ISSUER, client_id=settings.OIDC_RP_CLIENT_ID, now=now)
    return decode_logout_token(tokens[0], lambda header: get_provider().keys.find(header), expected)


def end_sessions(claims: Claims, now: float) -> int:
    """Delete the sessions that a logout token names and return their number.

    Raises TokenRefused when the token has been used before. Both happen in one transaction: a token whose sessions
    could not be deleted may be used again.
    """
    criteria = {name: claims[name] for name in SESSION_CLAIMS if name in claims}
    try:
        with transaction.atomic():
            _record_use(claims, now)
            return Session.objects.filter(**criteria).delete()[0]
    except IntegrityError as error:
        raise TokenRefused("jti") from error


def _record_use(claims: Claims, now: float) -> None:
    """Store the token's id and delete those that have expired.

    Raises IntegrityError when the id is there already; of several requests at once, one succeeds.
    """
    SpentToken.objects.create(jti=claims["jti"], expires_at=_to_datetime(claims["iat"] + RETENTION_SECONDS))
    SpentToken.objects.filter(expires_at__lt=_to_datetime(now)).delete()


def _to_datetime(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
