import pytest

from tests.support.fakes import fake_bnum
from tests.support.people import put_on_bnum
from tests.support.renewal import NEW_SECRET


@pytest.fixture
def renewed(enrolled):
    """Return an enrolled agent whose secret on the Bnum has changed since."""
    put_on_bnum("camille.durand", NEW_SECRET)
    return enrolled


@pytest.fixture
def bnum(settings, db):
    """Yield the Bnum, which checks the codes itself and has two seconds for it."""
    with fake_bnum.delegating(settings, deadline=2) as bnum:
        yield bnum
