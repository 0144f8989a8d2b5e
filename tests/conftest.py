import pytest
import time_machine
from django.core.cache import cache
from django.db import connections

from tests.support import people
from tests.support.admin import sign_in_staff
from tests.support.suite import Suite
from twofactor.sources.watch import get_watch
from twofactor.strength import Strength


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory):
    """Put the Bnum's database in a file: threads cannot close connections to an SQLite database in memory."""
    connections["bnum"].settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("bnum") / "bnum.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Create the Bnum's table, which Cerbère reads and never migrates."""
    with django_db_blocker.unblock(), connections["bnum"].cursor() as cursor:
        cursor.execute(people.DYNALOGIN)


def pytest_collection_modifyitems(items):
    """Give every test with a database both of them: Cerbère's and the Bnum's."""
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
    """Stop the clock at people.NOW until a test moves it on."""
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
    """Return an application of minimum two factors."""
    return people.make_client()


@pytest.fixture
def wiki(db):
    """Return an application of minimum password."""
    return people.make_client("wiki", Strength.PASSWORD)


@pytest.fixture
def browser(db):
    return people.Browser()


@pytest.fixture
def signed_in(browser, camille):
    """Return Camille's browser, signed in with her password."""
    browser.sign_in()
    return browser


@pytest.fixture
def enrolled_browser(enrolled, signed_in):
    """Return Camille's browser, signed in with her password; her OTP Mél is active."""
    return signed_in


@pytest.fixture
def two_factor_browser(enrolled_browser):
    """Return Camille's browser, signed in with her password and a code."""
    enrolled_browser.send_code("/verification/", people.code())
    return enrolled_browser


@pytest.fixture
def chief(db):
    """Return a superuser's browser, at two factors."""
    return sign_in_staff("chief", is_superuser=True)


@pytest.fixture
def suite(camille):
    """Return the conformance suite, registered as a client without PKCE, of minimum password."""
    people.make_client("suite", Strength.PASSWORD, pkce_required=False, refresh_tokens=True)
    return Suite()
