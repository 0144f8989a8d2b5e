"""Middleware of PIAG: request ids, no-store, and the pages of faults."""

import secrets
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from piag_gateway.faults import Fault
from piag_gateway.oidc.sign_in import get_safe_destination
from piag_gateway.pages.fault_page import render_fault_page, request_id

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Give each request a random id, which every log line and the response carry. A client's own id is ignored.

    The id is not unbound at the end: Django logs a 4xx or 5xx after all middleware, and the thread's next request
    replaces it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        current = secrets.token_hex(16)
        request_id.set(current)
        structlog.contextvars.bind_contextvars(request_id=current)
        response = self.get_response(request)
        response["X-Request-ID"] = current
        return response


class NoStoreMiddleware:
    """Forbid browsers and proxies to store any response of PIAG."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        add_never_cache_headers(response)
        return response


class FaultMiddleware:
    """Render the page of a Fault that a view raises, when Cerbère cannot be reached at the start of a sign-in."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Fault):
            return None
        destination = get_safe_destination(request.POST.get("next", request.get_full_path()))
        return render_fault_page(request, exception, destination)
