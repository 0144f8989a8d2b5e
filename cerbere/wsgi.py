"""What the server runs. An unsafe configuration stops it here, with one line for each fault."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cerbere.settings")
application = get_wsgi_application()

from cerbere.checks import stop_if_unsafe  # noqa: E402 - needs the applications loaded

stop_if_unsafe()
