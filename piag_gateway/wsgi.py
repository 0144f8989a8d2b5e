"""Load PIAG's WSGI application. Unsafe settings end the process here, with one line for each fault."""

import os
import sys
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

THREADS = 8  # per worker; during a sign-in a thread spends most of its time waiting for Cerbère
UNSAFE_SETTINGS_STATUS = 4  # exit status that tells the supervisor not to start the program again
FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"


def load_django_handler() -> WSGIHandler:
    """Load Django and return its WSGI handler. Raise SystemExit when a setting is unsafe."""
    handler = get_wsgi_application()
    from piag_gateway.checks import stop_if_unsafe  # can only be imported once Django has loaded its apps

    stop_if_unsafe()
    return handler


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request through Django, whatever its Content-Type header holds.

    Django reads parameters of that header before any middleware runs: some malformed ones make it fail there, and
    a `charset` changes how it decodes the form. PIAG has one kind of form, in UTF-8, so Django sees that or nothing.
    """
    environ["CONTENT_TYPE"] = _normalize_content_type(environ.get("CONTENT_TYPE", ""))
    return _django_handler(environ, start_response)


def _normalize_content_type(header: str) -> str:
    media_type = header.partition(";")[0].strip().lower()
    return media_type if media_type == FORM_CONTENT_TYPE else ""


# A shell that Cerbère's commands share may name Cerbère's settings module: this program has its own.
os.environ["DJANGO_SETTINGS_MODULE"] = "piag_gateway.settings"
try:
    _django_handler = load_django_handler()
except SystemExit as error:
    print(error, file=sys.stderr, flush=True)
    raise SystemExit(UNSAFE_SETTINGS_STATUS) from error
