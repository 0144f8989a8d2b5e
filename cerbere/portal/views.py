from collections.abc import Iterator

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Agent
from cerbere.audit.context import current_origin, make_reference
from cerbere.portal import metrics as prometheus
from cerbere.portal.account import make_account_context
from cerbere.portal.applications import list_applications
from cerbere.portal.obligation import redirect_to_second_factor
from twofactor.sources import get_current_watch

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, Agent)
    context = make_account_context(request, request.user)
    return redirect_to_second_factor(request, context) or render(request, "portal/account.html", context)


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/home.html", {"applications": list_applications(request)})


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
    """Show the same page to everybody, so that it does not reveal whether an account exists."""
    return render(request, "portal/forgotten_password.html")


@login_not_required
@require_safe
def phone_lost(request: HttpRequest) -> HttpResponse:
    reference = make_reference(current_origin.get().request_id)
    return render(request, "portal/phone_lost.html", {"reference": reference})


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as the program runs."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database can be reached, a 503 page otherwise.

    A Bnum that is unavailable is mentioned and no more, since enrolled agents can still sign in. It is not asked.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("\n".join(["ok", *_describe_bnum(), ""]), content_type="text/plain")


def _describe_bnum() -> Iterator[str]:
    health = get_current_watch().health
    if health.failing_since and health.asked_at:
        since, asked_at = health.failing_since.strftime(TIME_FORMAT), health.asked_at.strftime(TIME_FORMAT)
        yield f"bnum: unavailable since {since}, last asked {asked_at}"


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(prometheus.export_metrics(), content_type=prometheus.CONTENT_TYPE)
