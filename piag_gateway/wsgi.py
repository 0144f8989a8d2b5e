"""What the server runs. An unsafe configuration stops it here, with one line for each fault."""

import os
import sys

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

UNSAFE = 4  # the status of a refusal: whoever supervises the program need not try again


def start() -> WSGIHandler:
    application = get_wsgi_application()
    from cerbere.readable import Request
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
