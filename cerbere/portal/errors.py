"""Error pages: French, with a reference that the journal finds, and never a trace."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.redirects import next_of
from cerbere.audit.context import current_origin, reference_of
from twofactor.seeds import SeedKeyError

RETRY_AFTER = "30"  # seconds


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Static: the request may be what cannot be read."""
    return HttpResponse(render_to_string("400.html", _reference()), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", _reference(), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", _reference(), status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form of an old page, or of another site: nothing was done, the page can be opened anew."""
    here = request.path + (f"?next={next_of(request)}" if next_of(request) else "")
    return render(request, "403_csrf.html", {"retry_url": here, **_reference()}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """A database that does not answer or a key that is missing is a 503, anything else a 500. Both are static."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError | SeedKeyError):
        response = HttpResponse(render_to_string("503.html", _reference()), status=503)
        response["Retry-After"] = RETRY_AFTER
        return response
    return HttpResponse(render_to_string("500.html", _reference()), status=500)


def _reference() -> dict[str, object]:
    return {"reference": reference_of(current_origin.get().request_id), "at": timezone.localtime()}
