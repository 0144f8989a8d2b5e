import pytest
import time_machine
from django.core.cache import cache
from django.db import connections

from tests.support import people
from tests.support.admin import at_two_factors
from tests.support.suite import Suite
from twofactor.sources.watch import get_watch
from twofactor.strength import Strength


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory):
    """The Bnum's in a file: threads cannot close what they opened of SQLite's memory, as Python 3.13 and later tell."""
    connections["bnum"].settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("bnum") / "bnum.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The Bnum's table, which Cerbère reads and never migrates."""
    with django_db_blocker.unblock(), connections["bnum"].cursor() as cursor:
        cursor.execute(people.DYNALOGIN)


def pytest_collection_modifyitems(items):
    """Every test with a database has both: Cerbère's and the Bnum's."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker or {"db", "transactional_db", "live_server"} & set(item.fixturenames):
            kwargs = {"databases": ["default", "bnum"]} | (marker.kwargs if marker else {})
            item.add_marker(pytest.mark.django_db(**kwargs), append=False)


@pytest.fixture(autouse=True)
def _forgetful_process():
    cache.clear()
    get_watch.cache_clear()


@pytest.fixture
def clock():
    """It is people.NOW until a test moves the clock on; a module whose tests all want it says `usefixtures`."""
    with time_machine.travel(people.NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def camille(db):
    people.put_on_bnum("camille.durand")
    return people.make_agent("camille.durand")


@pytest.fixture
def dominique(db):
    people.put_on_bnum("dominique.morel", people.DOMINIQUE_SECRET)
    return people.make_agent("dominique.morel")


@pytest.fixture
def sasha(db):
    return people.make_agent("sasha.petit")


@pytest.fixture
def enrolled(camille):
    people.activate_otp_mel(camille)
    return camille


@pytest.fixture
def piag(db):
    """An application of minimum two factors."""
    return people.make_client()


@pytest.fixture
def wiki(db):
    """An application of minimum password."""
    return people.make_client("wiki", Strength.PASSWORD)


@pytest.fixture
def browser(db):
    return people.Browser()


@pytest.fixture
def signed_in(browser, camille):
    """Camille, signed in with her password."""
    browser.sign_in()
    return browser


@pytest.fixture
def enrolled_browser(enrolled, signed_in):
    """Camille, signed in with her password; her OTP Mél is active."""
    return signed_in


@pytest.fixture
def two_factor_browser(enrolled_browser):
    """Camille, signed in with her password and a code."""
    enrolled_browser.send_code("/verification/", people.code())
    return enrolled_browser


@pytest.fixture
def chief(db):
    """A superuser's browser, at two factors."""
    return at_two_factors("chief", is_superuser=True)


@pytest.fixture
def suite(camille):
    """The conformance suite, registered as an application of minimum password without PKCE."""
    people.make_client("suite", Strength.PASSWORD, pkce_required=False, refresh_tokens=True)
    return Suite()
