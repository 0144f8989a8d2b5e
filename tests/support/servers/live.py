"""pytest's live server, as a browser and PIAG reach it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cerbere.wsgi import application
from tests.support.people import CLIENT_SECRET
from tests.support.servers.piag import running_piag
from tests.support.servers.programs import free_port


def as_in_production(live_server: Any, settings: Any) -> str:
    """Return Cerbère's URL; WhiteNoise serves its static files, as in production, not Django's test server."""
    live_server.thread.httpd.set_app(application)
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


@contextmanager
def piag_beside(live_server: Any, place: Path) -> Iterator[str]:
    """Run PIAG, which knows this Cerbère, and give its URL; the client is still to be registered."""
    port = free_port()
    url = f"http://localhost:{port}"
    with running_piag(place, live_server.url, "piag", CLIENT_SECRET, port, PIAG_PUBLIC_URL=url):
        yield url
