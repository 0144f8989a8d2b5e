from collections.abc import Callable
from dataclasses import replace

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


class ContentPolicyMiddleware(CSPMiddleware):
    """Send django-csp's policy; a response's `form_action_origin` is one more place where its forms may lead."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        origin = getattr(response, "form_action_origin", None)
        return replace(parts, update={"form-action": [origin]}) if origin else parts
