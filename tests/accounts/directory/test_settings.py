"""The directory's settings: what stops the start, and that nothing of LDAP is there without them."""

import os
import subprocess
import sys
from importlib import util

import pytest

from accounts.directory import settings_faults
from accounts.directory.entries import ATTRIBUTE_NAMES, parse_attribute_names
from cerbere.checks import find_unsafe_settings
from tests.support.paths import ROOT

SOUND = {
    "LDAP_URL": "ldaps://annuaire.example.fr", "LDAP_CA_FILE": "", "LDAP_BASE": "dc=fr", "LDAP_ATTRIBUTES": "",
    "LDAP_PASSWORD_URL": "", "AUTH_LDAP_START_TLS": False, "AUTH_LDAP_BIND_DN": "cn=cerbere,dc=fr",
    "AUTH_LDAP_BIND_PASSWORD": "secret",
}  # fmt: skip


@pytest.fixture
def faults(settings):
    def find(changes):
        for name, value in (SOUND | changes).items():
            setattr(settings, name, value)
        return [f"{name} {fault}" for name, fault in find_unsafe_settings()]

    return find


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"LDAP_URL": "ldaps://annuaire.example.fr:1636/"}, {"LDAP_URL": "ldap://127.0.0.1:389"},
        {"LDAP_URL": "ldap://[::1]"}, {"LDAP_URL": "ldaps://Annuaire.example.fr"},
        {"LDAP_URL": "ldap://annuaire.example.fr", "AUTH_LDAP_START_TLS": True},
        {"AUTH_LDAP_BIND_DN": "", "AUTH_LDAP_BIND_PASSWORD": ""}, {"LDAP_PASSWORD_URL": "https://mel.example.fr/"},
        {"LDAP_ATTRIBUTES": "email=mail uid=uid,cn", "LDAP_CA_FILE": __file__}, {"LDAP_URL": "", "LDAP_BASE": ""},
    ],
)  # fmt: skip
def test_sound_settings(faults, changes):
    assert faults(changes) == []


PLACE = "CERBERE_LDAP_URL must be ldaps://host"
UNSAFE = [
    ({"LDAP_URL": "ldap://annuaire.example.fr"}, "CERBERE_LDAP_URL must be ldaps, or CERBERE_LDAP_STARTTLS 1"),
    ({"LDAP_URL": "ldap://localhost.example.fr"}, "CERBERE_LDAP_URL must be ldaps, or"),
    ({"AUTH_LDAP_START_TLS": True}, "CERBERE_LDAP_STARTTLS must be 0 with ldaps"),
    *(({"LDAP_URL": url}, PLACE) for url in (
        "annuaire.example.fr", "https://annuaire.example.fr", "ldapi:///run/slapd", "ldaps://", "ldaps://a:port",
        "ldaps://user:secret@annuaire.example.fr", "ldaps://a.example.fr/dc=fr", "ldaps://a ldaps://b", "ldaps://[::1",
        "ldaps://a?x", "ldaps://a\n",
    )),
    ({"LDAP_BASE": ""}, "CERBERE_LDAP_BASE is missing"),
    ({"LDAP_CA_FILE": "/none"}, "CERBERE_LDAP_CA_FILE names no file"),
    ({"AUTH_LDAP_BIND_PASSWORD": ""}, "CERBERE_LDAP_BIND_PASSWORD and CERBERE_LDAP_BIND_DN go together"),
    ({"AUTH_LDAP_BIND_DN": ""}, "CERBERE_LDAP_BIND_PASSWORD and CERBERE_LDAP_BIND_DN go together"),
    ({"LDAP_PASSWORD_URL": "javascript:alert(1)"}, "CERBERE_LDAP_PASSWORD_URL must be https"),
    ({"LDAP_ATTRIBUTES": "mail"}, "CERBERE_LDAP_ATTRIBUTES holds mail:"),
    ({"LDAP_ATTRIBUTES": "nothing=mail"}, "CERBERE_LDAP_ATTRIBUTES holds nothing=mail:"),
    ({"LDAP_ATTRIBUTES": "email="}, "CERBERE_LDAP_ATTRIBUTES holds email=:"),
    ({"LDAP_ATTRIBUTES": "email=mail)(uid"}, "CERBERE_LDAP_ATTRIBUTES holds"),
    ({"LDAP_ATTRIBUTES": "email=a%b"}, "CERBERE_LDAP_ATTRIBUTES holds"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "line"), UNSAFE)
def test_an_unsafe_directory_is_one_line(faults, changes, line):
    found = faults(changes)
    assert len(found) == 1
    assert found[0].startswith(line)
    assert "secret" not in found[0]


def test_a_missing_library_is_said(faults, monkeypatch):
    monkeypatch.setattr(
        settings_faults, "find_spec", lambda name: None if name == "django_auth_ldap" else util.find_spec(name)
    )
    assert faults({}) == ["CERBERE_LDAP_URL needs the extra `ldap`, which is not installed"]


def test_names_that_are_given_replace_the_mels_one_by_one():
    names = parse_attribute_names("email=mail,mailAlternate siret=mineqSiret")
    assert names == {**ATTRIBUTE_NAMES, "email": ("mail", "mailAlternate"), "siret": ("mineqSiret",)}


LOADED = """
import sys, django
django.setup()
import cerbere.wsgi, accounts.sign_in.passwords
from django.conf import settings
print(settings.DIRECTORY, sorted(name for name in sys.modules if name in ("ldap", "django_auth_ldap")))
"""


def test_without_an_address_nothing_of_ldap_is_loaded():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "cerbere.settings"}
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_with_an_address_the_environment_says_all():
    given = {
        "CERBERE_LDAP_URL": "ldap://annuaire.example.fr", "CERBERE_LDAP_STARTTLS": "1", "CERBERE_LDAP_BASE": "dc=fr",
        "CERBERE_LDAP_BIND_DN": "cn=cerbere,dc=fr", "CERBERE_LDAP_BIND_PASSWORD": "secret",
    }  # fmt: skip
    environment = {**os.environ, **given, "DJANGO_SETTINGS_MODULE": "cerbere.settings"}
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "accounts.directory.ldap_directory.LdapDirectory []"


def test_a_password_in_clear_stops_the_start():
    environment = {**os.environ, "CERBERE_LDAP_URL": "ldap://annuaire.example.fr", "CERBERE_LDAP_BASE": "dc=fr"}
    program = [sys.executable, "-c", "import cerbere.wsgi"]
    environment["DJANGO_SETTINGS_MODULE"] = "cerbere.settings"
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.startswith("cerbere: CERBERE_LDAP_URL must be ldaps, or CERBERE_LDAP_STARTTLS 1")
