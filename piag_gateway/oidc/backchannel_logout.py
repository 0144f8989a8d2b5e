"""Cerbère ends sessions here, without any browser (OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8)."""

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
from piag_gateway.oidc import logout_token
from piag_gateway.oidc.id_token import Claims, Expected
from piag_gateway.oidc.provider import provider

FORM = "application/x-www-form-urlencoded"

log = structlog.stdlib.get_logger("piag.backchannel_logout")


@csrf_exempt
@require_POST
def backchannel_logout(request: HttpRequest) -> HttpResponse:
    """200 once the sessions are over, were there any or none; 400 when the token does not hold (§2.8).

    503 when the keys to judge it cannot be had: Cerbère will try again.
    """
    now = time.time()
    try:
        ended = end_sessions(_claims_in(request, now), now)
    except ProviderFault as fault:
        log.warning("backchannel_logout.not_judged", reason=fault.reason)
        headers = {"Retry-After": str(ProviderUnavailable.retry_after)}
        return JsonResponse({"error": "temporarily_unavailable"}, status=503, headers=headers)
    except (TokenRefused, SuspiciousOperation) as refusal:
        log.warning("backchannel_logout.refused", reason=getattr(refusal, "reason", type(refusal).__name__))
        return JsonResponse({"error": "invalid_request"}, status=400)
    log.info("backchannel_logout.done", sessions=ended)
    return HttpResponse()


def _claims_in(request: HttpRequest, now: float) -> Claims:
    """Those of the one token in the form; the keys are only asked for when it looks like a token."""
    tokens = request.POST.getlist("logout_token") if request.content_type == FORM else []
    if len(tokens) != 1:
        raise TokenRefused("no_token")
    expected = Expected(issuer=settings.ISSUER, client_id=settings.OIDC_RP_CLIENT_ID, now=now)
    return logout_token.claims_of(tokens[0], lambda header: provider().keys.find(header), expected)


def end_sessions(claims: Claims, now: float) -> int:
    """How many sessions have ended; TokenRefused when this token has been here before.

    One transaction: a token whose sessions could not be ended is not spent.
    """
    named = {name: claims[name] for name in logout_token.NAMES if name in claims}
    try:
        with transaction.atomic():
            _spend(claims, now)
            return Session.objects.filter(**named).delete()[0]
    except IntegrityError as error:
        raise TokenRefused("jti") from error


def _spend(claims: Claims, now: float) -> None:
    """The unique key lets one in of any number that come at once."""
    SpentToken.objects.create(jti=claims["jti"], expires_at=_date(claims["iat"] + logout_token.KEPT_SECONDS))
    SpentToken.objects.filter(expires_at__lt=_date(now)).delete()


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
