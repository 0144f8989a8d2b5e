"""The WSGI application. An unsafe configuration stops it here, with one line for each fault."""

import os
import sys
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from cerbere.core.content_type import Application

THREADS = 4  # of a worker: while the database answers one, others keep the core busy; more only take turns (bench/)
UNSAFE = 4  # exit status of a refusal: a supervisor need not try again


def start() -> "Application":
    application = get_wsgi_application()
    from cerbere.checks import stop_if_unsafe  # it needs the applications loaded
    from cerbere.core.content_type import replace_unreadable_content_type

    stop_if_unsafe()
    return replace_unreadable_content_type(application)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cerbere.settings")
try:
    application = start()
except SystemExit as refusal:
    print(refusal, file=sys.stderr, flush=True)
    raise SystemExit(UNSAFE) from refusal
