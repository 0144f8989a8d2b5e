from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from cerbere.audit.context import current_origin, origin_of


class RequestIdMiddleware:
    """Gives each request an id of our own making (never the client's) and puts it in every log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = origin_of(request)
        token = current_origin.set(origin)
        try:
            response = self.get_response(request)
        finally:
            current_origin.reset(token)
        response["X-Request-ID"] = origin.request_id
        return response
