"""Error pages: French, with a reference that the journal finds, and never a trace."""

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
from cerbere.audit.context import current_origin, reference_of
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
    """Static: the request may be what cannot be read.

    A session that another request ended or took over meanwhile is no fault: its page is opened anew.
    """
    if isinstance(exception, SessionInterrupted):
        return SeeOther(request.get_full_path())
    return HttpResponse(render_to_string("400.html", _reference()), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", _reference(), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", _reference(), status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form of an old page, or of another site: nothing was done, the page can be opened anew."""
    return render(request, "403_csrf.html", {"retry_url": _page_of_form(request), **_reference()}, status=403)


def _page_of_form(request: HttpRequest) -> str:
    """Where the form can be had anew: its own address, unless that takes forms only."""
    match = resolve(request.path_info)
    if match.url_name == "sign_in" and get_next_url(request):
        return get_next_url(request)  # another tab may have signed in meanwhile: what waits is decided anew
    if match.url_name in PAGES_OF_FORMS:
        return reverse(PAGES_OF_FORMS[match.url_name])
    return request.path + (f"?{urlencode({'next': get_next_url(request)})}" if get_next_url(request) else "")


def server_error(request: HttpRequest) -> HttpResponse:
    """What does not answer (database, directory) or is missing (a key) is a 503, the rest a 500. Both are static."""
    if isinstance(sys.exc_info()[1], UNAVAILABLE):
        context = {"retry_url": _same_page(request), **_reference()}
        response = HttpResponse(render_to_string("503.html", context), status=503)
        response["Retry-After"] = RETRY_AFTER
        return response
    return HttpResponse(render_to_string("500.html", _reference()), status=500)


def _same_page(request: HttpRequest) -> str:
    """With its query, in which what waits is named: a form is sent to the address of its page. The form is not read."""
    name = request.resolver_match.url_name if request.resolver_match else None
    return reverse(PAGES_OF_FORMS[name]) if name in PAGES_OF_FORMS else keep_local_url(request.get_full_path())


def _reference() -> dict[str, object]:
    return {"reference": reference_of(current_origin.get().request_id), "at": timezone.localtime()}
