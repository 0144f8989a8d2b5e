"""Cerbère on a real socket for clients that are processes of their own, and somebody with a browser."""

from collections.abc import Iterator

import pytest

from tests.clients.agent import Agent
from tests.support.servers.live import as_in_production


@pytest.fixture
def issuer(live_server, settings) -> str:
    """Return Cerbère's URL."""
    return as_in_production(live_server, settings)


@pytest.fixture
def agent(issuer) -> Iterator[Agent]:
    with Agent() as agent:
        yield agent
