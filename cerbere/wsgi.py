"""What the server runs. An unsafe configuration stops it here, with one line for each fault."""

import os
import sys
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from cerbere.provider.published import Published

THREADS = 4  # of a worker: while the database answers one, others keep the core busy; more only take turns (bench/)
UNSAFE = 4  # the status of a refusal: whoever supervises the program need not try again


def start() -> "Published":
    application = get_wsgi_application()
    from cerbere.checks import stop_if_unsafe  # it needs the applications loaded
    from cerbere.portal.direct import Direct
    from cerbere.provider.published import Published
    from cerbere.readable import Request

    stop_if_unsafe()
    application.request_class = Request
    return Published(Direct(application))


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cerbere.settings")
try:
    application = start()
except SystemExit as refusal:
    print(refusal, file=sys.stderr, flush=True)
    raise SystemExit(UNSAFE) from refusal
