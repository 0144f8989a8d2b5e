"""Cerbère on a real socket for clients that are processes of their own, and somebody with a browser.

A module of tests asks for these by `pytest_plugins = ["tests.clients.fixtures"]`.
"""

from collections.abc import Iterator

import pytest

from cerbere.wsgi import application
from tests.clients.agent import Agent


@pytest.fixture
def issuer(live_server, settings) -> str:
    """Cerbère's address. WhiteNoise serves the static files, as in production, not Django's test server."""
    live_server.thread.httpd.set_app(application)
    settings.PUBLIC_URL = live_server.url
    return live_server.url


@pytest.fixture
def agent(issuer) -> Iterator[Agent]:
    with Agent() as agent:
        yield agent
