"""A directory for tests: a real slapd, and Cerbère's settings for it.

A module of directory tests asks for these by `pytest_plugins = ["tests.support.directory_fixtures"]`.
"""

import pytest

from accounts.sign_in import pace
from tests.support.directory import JEANNE, KARIM, all_turns_are_free
from tests.support.servers import slapd


@pytest.fixture(scope="session")
def slapd_server():
    server = slapd.start()
    yield server
    slapd.remove(server)


@pytest.fixture
def waits(monkeypatch):
    """How long each refused sign-in would have waited, in seconds; nobody waits."""
    asked = []
    monkeypatch.setattr(pace, "sleep", asked.append)
    return asked


@pytest.fixture
def directory(slapd_server, settings, waits):
    """The directory with its two people, and Cerbère set up for it."""
    server = slapd_server
    server.empty()
    server.put("jeanne", **JEANNE)
    server.put("karim", **KARIM)
    settings.DIRECTORY = "accounts.directory.ldap_directory.LdapDirectory"
    settings.LDAP_URL = settings.AUTH_LDAP_SERVER_URI = server.url
    settings.LDAP_CA_FILE = str(server.authority.file)
    settings.LDAP_BASE, settings.LDAP_PASSWORD_URL = f"ou=people,{slapd.BASE}", "https://mel.example.gouv.fr/changer"
    settings.AUTH_LDAP_BIND_DN, settings.AUTH_LDAP_BIND_PASSWORD = slapd.SERVICE, slapd.SERVICE_PASSWORD
    yield server
    all_turns_are_free()
