import secrets
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from piag_gateway.faults import Fault
from piag_gateway.oidc.sign_in import inside
from piag_gateway.pages.fault_page import fault_page, request_id

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Gives each request an id of our own making (never the client's) and puts it in every log line.

    It stays until the next request of this thread: Django writes its own line after the middlewares have ended.
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
    """Nothing that PIAG answers is kept by a browser or a proxy."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        add_never_cache_headers(response)
        return response


class FaultMiddleware:
    """The page for a Fault outside the callback: Cerbère cannot be reached when a sign-in starts."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Fault):
            return None
        return fault_page(request, exception, inside(request.POST.get("next", request.get_full_path())))
