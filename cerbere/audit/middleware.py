from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from cerbere.audit.context import current_origin, make_origin


class RequestIdMiddleware:
    """Give each request a new id, never the client's, which is in every log line and in the X-Request-ID header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = make_origin(request)
        token = current_origin.set(origin)
        try:
            response = self.get_response(request)
        finally:
            current_origin.reset(token)
        response["X-Request-ID"] = origin.request_id
        return response
