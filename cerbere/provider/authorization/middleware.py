import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from cerbere.core.redirects import SeeOther
from cerbere.provider.authorization import parked_requests
from cerbere.provider.authorization.authorize import lead_on

log = structlog.get_logger("cerbere.provider.authorization.middleware")
SERVER_ERROR = 500


class PendingRequestMiddleware:
    """Lets pages know the request that waits (`request.pending`), forms lead to its application, and acts on to it.

    Chromium applies `form-action` to the redirect that answers a form, so the origin of the registered
    redirect URI is allowed on that one page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.pending = SimpleLazyObject(partial(_found, request))  # type: ignore[attr-defined]
        response = self.get_response(request)
        if request.method == "POST" and response.status_code == SeeOther.status_code:
            response = _led_on(request, response)
        if _is_page(response):
            allow_form_action(response, request.pending.origin if request.pending else None)  # type: ignore[attr-defined]
        return response


def _found(request: HttpRequest) -> parked_requests.Pending | None:
    """From here on without a lazy object between."""
    pending = request.pending = parked_requests.pending_of(request)  # type: ignore[attr-defined]
    return pending


def _led_on(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer of the waiting request to which an act leads back: what its address would say, one redirect earlier.

    What fails on the way fails anew there, with a page: here it must not take the act's own answer with it.
    """
    try:
        onward = _onward(request, response["Location"], timezone.now())
    except Exception:  # what the act has done stands, and its answer carries the session's new key
        log.exception("not_led_on")
        return response
    if onward is None:
        return response
    onward.cookies.update(response.cookies)
    return onward


def _onward(request: HttpRequest, location: str, now: datetime) -> HttpResponse | None:
    """None for what is a page: a page that answers a form would send it again when it is loaded anew."""
    named = parked_requests.RESUME_PATH.fullmatch(location)
    waiting = parked_requests.find(request, uuid.UUID(named[1]), now) if named else None
    if waiting is None or waiting.parameters.get("response_mode") == "form_post":
        return None
    return lead_on(request, waiting, now)


def _is_page(response: HttpResponse) -> bool:
    """Redirects are called text/html too; no form is sent from them, and none costs a statement."""
    is_html = response.get("Content-Type", "").startswith("text/html")
    return is_html and response.status_code < SERVER_ERROR and not response.has_header("Location")


def allow_form_action(response: HttpResponse, origin: str | None) -> None:
    if origin and not hasattr(response, "_csp_update"):
        response._csp_update = {"form-action": [origin]}  # type: ignore[attr-defined] # django-csp's own way
