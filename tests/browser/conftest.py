"""Debian's chromium in front of Cerbère and PIAG: two programs on two ports, hence two origins."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.support import people
from tests.support.browser.tab import Tab
from tests.support.servers.live import as_in_production, piag_beside

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
TIMEOUT = 15_000  # milliseconds, for whatever a page is waited for
DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Chromium, and allow Django's database in this thread, where Playwright's event loop runs."""
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
    """Return Cerbère's URL."""
    return as_in_production(live_server, settings)


@pytest.fixture(scope="session")
def _running_piag(live_server, tmp_path_factory) -> Iterator[str]:
    with piag_beside(live_server, tmp_path_factory.mktemp("piag")) as url:
        yield url


@pytest.fixture
def piag_site(cerbere, _running_piag) -> str:
    """Return the URL of PIAG, registered with a minimum of two factors."""
    url = _running_piag
    people.make_client(redirect_uris=[f"{url}/oidc/callback/"], post_logout_redirect_uris=[f"{url}/"])
    return url


OpenBrowser = Callable[..., Tab]


@pytest.fixture
def open_browser(chromium, cerbere) -> Iterator[OpenBrowser]:
    """Yield a function that starts a browser with its own cookies and cache, and returns its first tab."""
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
