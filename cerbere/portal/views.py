from collections.abc import Iterator

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Agent
from cerbere.audit.context import current_origin, reference_of
from cerbere.portal import metrics as collected
from cerbere.portal.account import account_context
from cerbere.portal.applications import applications
from cerbere.portal.obligation import to_two_factors
from twofactor.sources import get_current_watch

STAMP = "%Y-%m-%dT%H:%M:%SZ"


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, Agent)
    context = account_context(request, request.user)
    return to_two_factors(request, context) or render(request, "portal/account.html", context)


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/home.html", {"applications": applications(request)})


@login_not_required
@require_safe
def help_(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/help.html")


@login_not_required
@require_safe
def site_map(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/site_map.html")


@login_not_required
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/accessibility.html")


@login_not_required
@require_safe
def legal(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/legal.html")


@login_not_required
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/privacy.html")


@login_not_required
@require_safe
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """The same page for everybody: nothing is asked, so nothing tells whether an account exists."""
    return render(request, "portal/forgotten_password.html")


@login_not_required
@require_safe
def phone_lost(request: HttpRequest) -> HttpResponse:
    reference = reference_of(current_origin.get().request_id)
    return render(request, "portal/phone_lost.html", {"reference": reference})


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The program answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The program reaches its database; a 503 page otherwise.

    A Bnum that is down is told and no more: agents who are enrolled keep signing in. It is not asked for that.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("\n".join(["ok", *_bnum(), ""]), content_type="text/plain")


def _bnum() -> Iterator[str]:
    known = get_current_watch().health
    if known.failing_since and known.asked_at:
        yield f"bnum: unavailable since {known.failing_since:{STAMP}}, last asked {known.asked_at:{STAMP}}"


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(collected.exposition(), content_type=collected.CONTENT_TYPE)
