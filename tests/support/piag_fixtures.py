"""PIAG with a provider that lies when told to, and somebody in front of it.

A module of PIAG's tests takes those that it wants by assignment: `agent = fixtures.agent`. A plugin's fixtures are the
whole suite's, and these have names that stand for others elsewhere (tests.clients, tests.support.gateway_fixtures).
"""

import pytest

from tests.support.fakes.forging_provider import CLIENT_ID, CLIENT_SECRET, forging_provider
from tests.support.servers.piag import Browser, running_piag


@pytest.fixture(scope="module")
def provider():
    with forging_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider, tmp_path_factory):
    with running_piag(tmp_path_factory.mktemp("piag"), provider.url, CLIENT_ID, CLIENT_SECRET) as piag:
        yield piag


@pytest.fixture(autouse=True)
def forge(provider):
    """What the provider lies about; each test begins with the truth."""
    return provider.reset()


@pytest.fixture
def agent(gateway):
    with Browser(gateway) as browser:
        yield browser


@pytest.fixture
def connected(agent):
    assert agent.open("/assistant/").status_code == 200
    return agent
