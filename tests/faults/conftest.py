import pytest

from tests.support.servers.site import DoomedSite


@pytest.fixture(scope="module")
def site():
    site = DoomedSite()
    yield site
    site.stop()
