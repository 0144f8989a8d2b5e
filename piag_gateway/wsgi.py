"""What the server runs. An unsafe configuration stops it here, with one line for each fault."""

import os
import sys
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.wsgi import get_wsgi_application

THREADS = 8  # of a worker: most of their time they wait for Cerbère
UNSAFE = 4  # the status of a refusal: whoever supervises the program need not try again
FORM = "application/x-www-form-urlencoded"


class Request(WSGIRequest):
    """Addresses and forms are UTF-8, and there is one kind of form.

    Django fails, before any page of ours, at what a Content-Type may say beyond that.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        said = meta.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        self.content_type, self.content_params = said if said == FORM else "", {}


def start() -> WSGIHandler:
    application = get_wsgi_application()
    from piag_gateway.checks import stop_if_unsafe  # it needs the applications loaded

    stop_if_unsafe()
    application.request_class = Request
    return application


os.environ["DJANGO_SETTINGS_MODULE"] = "piag_gateway.settings"  # whatever a shell shared with Cerbère says
try:
    application = start()
except SystemExit as refusal:
    print(refusal, file=sys.stderr, flush=True)
    raise SystemExit(UNSAFE) from refusal
