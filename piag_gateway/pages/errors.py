"""Django's error views. Those for 400, 500 and 503 use neither the request, the session nor the database."""

import sys

from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from piag_gateway.pages.fault_page import build_reference

RETRY_AFTER = "30"  # seconds


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("piag/errors/400.html", build_reference()), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "piag/errors/403.html", build_reference(), status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "piag/errors/403_csrf.html", build_reference(), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "piag/errors/404.html", build_reference(), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return 503 when the database does not respond or is read-only, and 500 for any other exception."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError | InternalError):
        response = HttpResponse(render_to_string("piag/errors/503.html", build_reference()), status=503)
        response["Retry-After"] = RETRY_AFTER
        return response
    return HttpResponse(render_to_string("piag/errors/500.html", build_reference()), status=500)
