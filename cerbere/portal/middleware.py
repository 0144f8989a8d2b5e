from collections.abc import Callable
from dataclasses import replace

from csp.constants import HEADER
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

NEVER = "no-store, private"  # no-store alone is enough by RFC 9111 §5.2.2.5; private is for proxies that do not know it


class NoStoreMiddleware:
    """Keep answers out of the caches of browsers and proxies, unless the view says so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", NEVER)
        return response


NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class ContentPolicyMiddleware(CSPMiddleware):
    """Send django-csp's policy with pages; a response's `form_action_origin` is one more place where forms may lead.

    A redirect, and an answer to a program, shows nothing and may load nothing.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and not response.has_header("Location"):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, NOTHING)
        return response

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        origin = getattr(response, "form_action_origin", None)
        return replace(parts, update={"form-action": [origin]}) if origin else parts
