from collections.abc import Callable
from functools import lru_cache

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

NEVER = "no-store, private"  # no-store alone is enough by RFC 9111 §5.2.2.5; private is for proxies that do not know it


class NoStoreMiddleware:
    """Nothing that Cerbère answers is kept by a browser or a proxy, unless the view says so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", NEVER)
        return response


class LanguageMiddleware:
    """Django's LocaleMiddleware for a site whose addresses name no language: the cookie and the browser do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        translation.activate(translation.get_language_from_request(request))
        request.LANGUAGE_CODE = translation.get_language()
        response = self.get_response(request)
        patch_vary_headers(response, ["Accept-Language"])
        response.headers.setdefault("Content-Language", translation.get_language())
        return response


class ContentPolicyMiddleware(CSPMiddleware):
    """django-csp's, which makes the text anew for each answer: ours differs only where a form leads elsewhere."""

    def process_request(self, request: HttpRequest) -> None:
        """No nonce: no page of ours has a script or a style inside it."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        update: dict[str, list[str]] = getattr(response, "_csp_update", {})
        response.headers.setdefault(HEADER, _policy(tuple((name, tuple(more)) for name, more in update.items())))
        return response


@lru_cache(maxsize=1000)  # one for each application
def _policy(update: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    return build_policy(update=dict(update))
