"""Content-Types that Django 5.2 cannot read: a page with status 400 instead of the server's bare 500."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_header_parameters

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]
FORMS = ("", "application/x-www-form-urlencoded", "multipart/form-data")
UTF_8 = ("utf-8", "utf8")
REFUSED_FORM = "application/x-www-form-urlencoded; charset=us-ascii"  # Django answers 400 when a page reads it


def replace_unreadable_content_type(application: Application) -> Application:
    """Wrap a WSGI application, whose request cannot even be made from a malformed Content-Type.

    Such a header, and a form in another encoding than UTF-8, becomes one that Django refuses where a form is read.
    """

    def wrapped(environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_readable(environ.get("CONTENT_TYPE", "")):
            environ["CONTENT_TYPE"] = REFUSED_FORM
        return application(environ, start_response)

    return wrapped


def _is_readable(header: str) -> bool:
    if "*" in header:  # parameters of RFC 2231: no form has them, and each version of Python reads its own
        return False
    try:
        content_type, parameters = parse_header_parameters(header)
    except (ValueError, TypeError):
        return False
    return content_type not in FORMS or parameters.get("charset", "utf-8").lower() in UTF_8


class MultipartMiddleware:
    """Refuse a multipart form in which the header of a part is malformed: Django 5.2 raises TypeError for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.content_type == "multipart/form-data":
            _read_form(request)
        return self.get_response(request)


def _read_form(request: HttpRequest) -> None:
    try:
        _ = request.POST
    except TypeError as error:
        raise BadRequest("a part of the form cannot be read") from error
