from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve, reverse

ENDPOINTS = ("discovery", "jwks", "token", "userinfo", "revoke", "introspect", "push")  # no session, no page, no form


class MachinesMiddleware:
    """What applications ask by themselves goes from here to its view: no session, language, message or CSRF token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.matches: dict[str, ResolverMatch] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match = self._match(request.path_info)
        if match is None:
            return self.get_response(request)
        request.get_host()  # refuses names that are not ours (ALLOWED_HOSTS)
        request.resolver_match = match
        response: HttpResponse = match.func(request)
        if response.status_code != HTTPStatus.NOT_MODIFIED:
            response["Content-Length"] = str(len(response.content))
        return response

    def _match(self, path: str) -> ResolverMatch | None:
        if not self.matches:  # addresses are not known at the start
            self.matches = {path: resolve(path) for path in map(reverse, ENDPOINTS)}
        return self.matches.get(path)
