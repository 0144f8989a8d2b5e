"""An application behind nginx and PIAG, three programs, and somebody in front of them.

A module takes those that it wants by assignment, as of tests.support.piag_fixtures.
"""

import pytest

from tests.support import piag_fixtures
from tests.support.fakes.forging_provider import CLIENT_ID, CLIENT_SECRET
from tests.support.fakes.upstream import running_upstream
from tests.support.servers.nginx import running_nginx
from tests.support.servers.piag import running_piag
from tests.support.servers.programs import free_port

provider = piag_fixtures.provider


@pytest.fixture(scope="module")
def upstream():
    with running_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def piag(provider, port, tmp_path_factory):
    env = {"PIAG_PUBLIC_URL": f"https://localhost:{port}", "PIAG_TRUSTED_PROXIES": "1"}
    with running_piag(tmp_path_factory.mktemp("piag"), provider.url, CLIENT_ID, CLIENT_SECRET, **env) as piag:
        yield piag


@pytest.fixture(scope="module")
def nginx(piag, upstream, port, tmp_path_factory):
    with running_nginx(tmp_path_factory.mktemp("nginx"), port, piag.url, upstream.url) as nginx:
        yield nginx


@pytest.fixture(autouse=True)
def forge(provider, upstream):
    """What the provider lies about; each test begins with the truth, and nothing has reached the application."""
    upstream.seen.clear()
    upstream.headers.clear()
    return provider.reset()


@pytest.fixture
def agent(nginx, piag):
    with nginx.browser(piag) as browser:
        yield browser


@pytest.fixture
def connected(agent, upstream):
    assert agent.open("/ia/").status_code == 200
    upstream.seen.clear()
    return agent


def cookies_of(browser):
    return f"Cookie: __Host-piag_session={browser.session_key}"
