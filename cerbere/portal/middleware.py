from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

NEVER = "no-store, private"  # no-store alone is enough by RFC 9111 §5.2.2.5; private is for proxies that do not know it


class NoStoreMiddleware:
    """Nothing that Cerbère answers is kept by a browser or a proxy, unless the view says so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", NEVER)
        return response
