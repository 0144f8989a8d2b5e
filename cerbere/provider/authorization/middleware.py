from collections.abc import Callable
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from cerbere.provider.authorization import parked_requests

SERVER_ERROR = 500


class PendingRequestMiddleware:
    """Give pages the parked authorization request (`request.pending`), and let their forms lead to its application.

    Chromium applies `form-action` to the redirect that answers a form, so the origin of the registered
    redirect URI is allowed on that one page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.pending = SimpleLazyObject(partial(parked_requests.find_pending_request, request))  # type: ignore[attr-defined]
        response = self.get_response(request)
        if _is_page(response):
            allow_form_action(response, request.pending.origin if request.pending else None)  # type: ignore[attr-defined]
        return response


def _is_page(response: HttpResponse) -> bool:
    """Tell whether this response can hold a form; redirects, which are text/html too, must not cost a statement."""
    is_html = response.get("Content-Type", "").startswith("text/html")
    return is_html and response.status_code < SERVER_ERROR and not response.has_header("Location")


def allow_form_action(response: HttpResponse, origin: str | None) -> None:
    """Let the forms of this page lead to `origin` too (cerbere.portal.middleware.ContentPolicyMiddleware)."""
    if origin and not hasattr(response, "form_action_origin"):
        response.form_action_origin = origin  # type: ignore[attr-defined]
