"""Show error pages: in French, with a reference that finds the event in the audit log, and never a traceback."""

import sys
from urllib.parse import urlencode

from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import resolve, reverse
from django.utils import timezone

from accounts.directory import DirectoryUnavailable
from cerbere.audit.context import current_origin, make_reference
from cerbere.core.redirects import SeeOther, get_next_url, keep_local_url
from twofactor.seeds.sealing import SeedKeyError

RETRY_AFTER = "30"  # seconds
UNAVAILABLE = (
    OperationalError | InterfaceError | InternalError  # InternalError: a read-only standby
    | SeedKeyError | DirectoryUnavailable
)  # fmt: skip
PAGES_OF_FORMS = {
    "end_own_session": "account", "confirm_end_session": "home", "set_language": "home",
    "import_agents_apply": "admin:import_agents", "logout": "admin:index",
}  # fmt: skip


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 with a static page, since the request may be unreadable.

    When another request has ended the session meanwhile, redirect to the same page instead.
    """
    if isinstance(exception, SessionInterrupted):
        return SeeOther(request.get_full_path())
    return HttpResponse(render_to_string("400.html", _make_reference_context()), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", _make_reference_context(), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", _make_reference_context(), status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without a valid CSRF token, with a link to its page."""
    return render(
        request, "403_csrf.html", {"retry_url": _get_form_page_url(request), **_make_reference_context()}, status=403
    )


def _get_form_page_url(request: HttpRequest) -> str:
    """Return the URL of the page that has this form: the form's own URL, unless it only accepts POST."""
    match = resolve(request.path_info)
    if match.url_name == "sign_in" and get_next_url(request):
        return get_next_url(request)  # another tab may have signed in meanwhile; `next` decides again
    if match.url_name in PAGES_OF_FORMS:
        return reverse(PAGES_OF_FORMS[match.url_name])
    return request.path + (f"?{urlencode({'next': get_next_url(request)})}" if get_next_url(request) else "")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 when a database, directory or key is unavailable, else 500, both with static pages."""
    if isinstance(sys.exc_info()[1], UNAVAILABLE):
        context = {"retry_url": _get_retry_url(request), **_make_reference_context()}
        response = HttpResponse(render_to_string("503.html", context), status=503)
        response["Retry-After"] = RETRY_AFTER
        return response
    return HttpResponse(render_to_string("500.html", _make_reference_context()), status=500)


def _get_retry_url(request: HttpRequest) -> str:
    """Return the URL of this page with its query, or of the page that has this form; the form is not read."""
    name = request.resolver_match.url_name if request.resolver_match else None
    return reverse(PAGES_OF_FORMS[name]) if name in PAGES_OF_FORMS else keep_local_url(request.get_full_path())


def _make_reference_context() -> dict[str, object]:
    return {"reference": make_reference(current_origin.get().request_id), "at": timezone.localtime()}
