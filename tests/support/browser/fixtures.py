"""Debian's chromium in front of Cerbère and PIAG: two programs on two ports, hence two origins.

A module of browser tests asks for these by `pytest_plugins = ["tests.support.browser.fixtures"]`.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from cerbere.wsgi import application
from tests.support import people
from tests.support.browser.tab import Tab
from tests.support.servers.piag import running_piag
from tests.support.servers.programs import free_port

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
TIMEOUT = 15_000  # milliseconds, for whatever a page is waited for
DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Playwright's loop runs in this thread, where Django then refuses its database unless told otherwise."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def cerbere(live_server, settings) -> str:
    """Cerbère's address. WhiteNoise serves the static files, as in production, not Django's test server."""
    live_server.thread.httpd.set_app(application)
    settings.PUBLIC_URL = live_server.url
    return live_server.url


@pytest.fixture(scope="session")
def _running_piag(live_server, tmp_path_factory) -> Iterator[str]:
    port = free_port()
    url = f"http://localhost:{port}"
    place = tmp_path_factory.mktemp("piag")
    with running_piag(place, live_server.url, "piag", people.CLIENT_SECRET, port, PIAG_PUBLIC_URL=url):
        yield url


@pytest.fixture
def piag_site(cerbere, _running_piag) -> str:
    """PIAG's address; Cerbère knows it, and wants two factors for it."""
    url = _running_piag
    people.make_client(redirect_uris=[f"{url}/oidc/callback/"], post_logout_redirect_uris=[f"{url}/"])
    return url


OpenBrowser = Callable[..., Tab]


@pytest.fixture
def open_browser(chromium, cerbere) -> Iterator[OpenBrowser]:
    """Starts a browser of its own (cookies, cache) and returns its first tab."""
    contexts: list[BrowserContext] = []

    def start(**options: Any) -> Tab:
        usual = {"locale": "fr-FR", "viewport": DESKTOP, "base_url": cerbere, "reduced_motion": "reduce"}
        context = chromium.new_context(**usual | options)
        context.set_default_timeout(TIMEOUT)
        contexts.append(context)
        return Tab(context.new_page())

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def tab(open_browser) -> Tab:
    return open_browser()
