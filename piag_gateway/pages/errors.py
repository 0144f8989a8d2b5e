"""Error pages of the site itself. Those of 400, 500 and 503 read neither the request, the session nor the database."""

import sys

from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from piag_gateway.pages.fault_page import reference

RETRY_AFTER = "30"  # seconds


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("piag/errors/400.html", reference()), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "piag/errors/403.html", reference(), status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "piag/errors/403_csrf.html", reference(), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "piag/errors/404.html", reference(), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A database that does not answer, or is read-only, is a 503 that passes; anything else is a fault of ours."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError | InternalError):
        response = HttpResponse(render_to_string("piag/errors/503.html", reference()), status=503)
        response["Retry-After"] = RETRY_AFTER
        return response
    return HttpResponse(render_to_string("piag/errors/500.html", reference()), status=500)
