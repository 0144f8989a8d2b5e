"""The people of the suite's directory.

jeanne.lefevre   a person (BALI), whose e-mail does not look like her uid
karim.benali     another person (PERS)
"""

from accounts.directory import ldap_directory
from accounts.models import AgentSession
from tests.support.audit import list_reasons
from tests.support.people import Browser

WRONG = "L’identifiant ou le mot de passe est incorrect."

PASSWORD = "le mot de passe de la messagerie"
JEANNE_ID, KARIM_ID = "6f1c0d52-jeanne", "0b7e9a11-karim"
JEANNE_EMAIL = "j.lefevre@example.gouv.fr"
JEANNE = {
    "uid": "jeanne.lefevre", "uniqueIdentifier": JEANNE_ID, "sn": "Lefèvre", "givenName": "Jeanne",
    "mailPR": JEANNE_EMAIL, "departmentNumber": "SG/DNUM", "telephoneNumber": "+33 1 40 81 00 00",
    "siret": "11006801200050", "mineqTypeEntree": "BALI", "userPassword": PASSWORD,
}  # fmt: skip
KARIM = JEANNE | {
    "uid": "karim.benali", "uniqueIdentifier": KARIM_ID, "sn": "Benali", "givenName": "Karim",
    "mailPR": "karim.benali@example.gouv.fr", "mineqTypeEntree": "PERS",
}  # fmt: skip


def wait_until_slots_are_free():
    """Wait until no search of an earlier test holds a slot."""
    for _ in range(ldap_directory.MAXIMUM_REQUESTS):
        assert ldap_directory.slots.acquire(timeout=10)
    for _ in range(ldap_directory.MAXIMUM_REQUESTS):
        ldap_directory.slots.release()


class Nobody:
    """A directory that must not be asked."""


def sign_in(typed="jeanne.lefevre", password=PASSWORD, address="192.0.2.10"):
    return Browser(address).sign_in(typed, password)


def assert_refused(response, reason):
    assert response.status_int == 200
    assert WRONG in response.text
    assert list_reasons() == [reason]
    assert not AgentSession.objects.exists()
