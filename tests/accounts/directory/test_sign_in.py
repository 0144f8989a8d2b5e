"""Signing in with the password that the ministry's directory keeps, against a real slapd."""

import pytest

from accounts import directory as active_directory
from accounts.models import Agent, AgentSession, Attempts
from accounts.sign_in import pace
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support import people
from tests.support.audit import list_reasons
from tests.support.directory import JEANNE_EMAIL, JEANNE_ID, KARIM, KARIM_ID, PASSWORD, assert_refused, sign_in
from tests.support.people import Browser, make_agent

pytest_plugins = ["tests.support.fixtures.directory"]
pytestmark = pytest.mark.django_db

SPELLINGS = ["jeanne.lefevre", " Jeanne.LEFEVRE ", JEANNE_EMAIL, JEANNE_EMAIL.upper(), "ｊｅａｎｎｅ．lefevre"]


@pytest.mark.parametrize("typed", SPELLINGS)
def test_a_person_signs_in_by_uid_and_by_email_whatever_the_spelling(directory, typed):
    browser = Browser()
    account = browser.follow_inside(browser.sign_in(typed, PASSWORD))
    assert account.request.path == "/compte/"
    jeanne = Agent.objects.get()
    assert (jeanne.directory_id, jeanne.uid, jeanne.email) == (JEANNE_ID, "jeanne.lefevre", JEANNE_EMAIL)
    assert (jeanne.given_name, jeanne.family_name, jeanne.organizational_unit) == ("Jeanne", "Lefèvre", "SG/DNUM")
    assert (jeanne.siret, jeanne.phone_number, jeanne.mailbox) == ("11006801200050", "+33 1 40 81 00 00", "BALI")
    assert not jeanne.has_usable_password()
    assert not any([jeanne.is_staff, jeanne.is_superuser, jeanne.is_verified_account])
    assert AuditEvent.objects.get(name=Event.AGENT_ADDED_BY_DIRECTORY).agent == "jeanne.lefevre"


def test_the_address_is_mailpr_before_mail_and_mail_without_it(directory):
    directory.change("jeanne", mail="other@example.gouv.fr")
    directory.change("karim", mailPR=None, mail="kb@example.gouv.fr")
    assert sign_in().status_int == sign_in("kb@example.gouv.fr").status_int == 303
    assert set(Agent.objects.values_list("email", flat=True)) == {JEANNE_EMAIL, "kb@example.gouv.fr"}


def test_signing_in_again_is_the_same_agent_with_live_sessions_and_a_known_browser(directory):
    browser = Browser()
    browser.sign_in("jeanne.lefevre", PASSWORD)
    first = Agent.objects.get()
    assert sign_in().status_int == 303
    assert browser.get("/compte/").status_int == 200
    for n in range(7):
        sign_in(password="wrong", address=f"198.51.100.{n}")
    browser.cookiejar.clear_session_cookies()
    assert browser.sign_in("jeanne.lefevre", PASSWORD).status_int == 303
    assert Agent.objects.get().uuid == first.uuid


def test_every_sign_in_changes_the_session_key(directory):
    browser = Browser()
    keys = []
    for _ in range(2):
        browser.sign_in("jeanne.lefevre", PASSWORD)
        keys.append(browser.cookies["cerbere_session"])
    assert keys[0] != keys[1]
    assert AgentSession.objects.count() == 1


@pytest.mark.parametrize("typed", ["jeanne.lefevre.-.boite", "Jeanne.Lefevre.－.boite", "jeanne.-.x@example.gouv.fr"])
def test_an_agent_in_a_shared_mailbox_is_refused_without_asking(directory, settings, typed):
    settings.DIRECTORY = "tests.support.directory.Nobody"
    assert_refused(sign_in(typed), "shared_mailbox")


@pytest.mark.parametrize("kind", ["BALF", "BALS", "BALU", None])
def test_a_mailbox_that_is_nobodys_is_not_a_person(directory, kind):
    directory.change("jeanne", mineqTypeEntree=kind)
    assert_refused(sign_in(), "not_a_person")
    assert not Agent.objects.exists()


def test_a_mailbox_with_a_persons_address_does_not_stand_in_the_way(directory):
    directory.put("box", **KARIM | {"uid": "box", "uniqueIdentifier": "box", "mineqTypeEntree": "BALF"})
    assert sign_in("karim.benali@example.gouv.fr").status_int == 303
    assert Agent.objects.get().directory_id == KARIM_ID


def test_two_people_of_one_address_are_nobody(directory):
    directory.change("karim", mailPR=JEANNE_EMAIL)
    assert_refused(sign_in(JEANNE_EMAIL), "ambiguous")


UNUSABLE = {
    "no id": {"uniqueIdentifier": None}, "an endless id": {"uniqueIdentifier": "x" * 65},
    "two words": {"uid": "jeanne lefevre"}, "an endless uid": {"uid": "x" * 151},
}  # fmt: skip


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE)
def test_an_entry_that_names_nobody_for_ever_is_refused(directory, change):
    directory.change("jeanne", **change)
    assert_refused(sign_in(JEANNE_EMAIL), "unusable_entry")
    assert not Agent.objects.exists()


def test_values_that_we_cannot_keep_are_left_out_or_cut(directory):
    odd = {"siret": "12", "mailPR": "not an address", "sn": "é" * 200, "telephoneNumber": None}
    directory.change("jeanne", **odd)
    assert sign_in().status_int == 303
    jeanne = Agent.objects.get()
    assert (jeanne.siret, jeanne.email, jeanne.family_name, jeanne.phone_number) == ("", None, "é" * 150, "")


@pytest.mark.parametrize("value", ["1", "TRUE", "oui"])
def test_a_password_to_change_signs_nobody_in_and_says_where(directory, value):
    directory.change("jeanne", mineqPasswordDoitChanger=value)
    response = sign_in()
    assert response.status_int == 403
    assert "Mot de passe à changer" in response.text
    assert 'href="https://mel.example.gouv.fr/changer"' in response.text
    assert list_reasons() == ["password_to_change"]
    assert not AgentSession.objects.exists()


@pytest.mark.parametrize("value", ["0", "FALSE", "False"])
def test_nothing_to_change(directory, value):
    directory.change("jeanne", mineqPasswordDoitChanger=value)
    assert sign_in().status_int == 303


def test_a_password_to_change_is_told_only_to_who_knows_it(directory):
    directory.change("jeanne", mineqPasswordDoitChanger="1")
    assert_refused(sign_in(password="wrong"), "wrong_password")


INJECTIONS = [
    "*",
    "jeanne*",
    ")(uid=*",
    "*)(uid=*))(|(uid=*",
    "jeanne.lefevre)(mineqTypeEntree=BALI",
    "\\2a",
    "(",
    "%s",
]


@pytest.mark.parametrize("typed", INJECTIONS)
def test_what_is_typed_is_a_value_never_a_filter(directory, typed):
    assert_refused(sign_in(typed), "unknown")


def test_a_nul_is_refused_before_the_directory_is_asked(directory, settings):
    settings.DIRECTORY = "tests.support.directory.Nobody"
    browser = Browser()
    form = people.login_form(browser.get("/connexion/"))
    fields = [("csrfmiddlewaretoken", form["csrfmiddlewaretoken"].value), ("username", "jeanne\0"), ("password", "x")]
    assert browser.post("/connexion/", fields, status="*").status_int == 400


@pytest.mark.parametrize(
    ("typed", "password", "reason"),
    [
        ("jeanne.lefevre", "wrong", "wrong_password"),
        ("jeanne.lefevre", " ", "wrong_password"),
        ("no.body", "x", "unknown"),
    ],
)
def test_wrong_and_unknown_are_refused(directory, typed, password, reason):
    assert_refused(sign_in(typed, password), reason)


def test_an_entry_without_a_password_is_refused_not_down(directory):
    directory.change("jeanne", userPassword=None)
    assert_refused(sign_in(), "wrong_password")


def test_an_empty_password_proves_nothing(directory):
    """RFC 4513 §5.1.2: slapd would say yes."""
    asked = active_directory.get_directory()
    entry = asked.search("jeanne.lefevre")[0]
    assert asked.check_password(entry, PASSWORD)
    assert not asked.check_password(entry, "")


def test_an_agent_closed_by_an_administrator_stays_out(directory):
    sign_in()
    Agent.objects.update(is_active=False)
    AgentSession.objects.all().delete()
    assert_refused(sign_in(), "inactive")


def test_l03_every_refusal_takes_the_same_time_and_shows_the_same_page(directory, waits, monkeypatch):
    make_agent("chief")
    directory.put("box", **KARIM | {"uid": "box", "uniqueIdentifier": "box", "mineqTypeEntree": "BALF"})
    ticks = iter(range(100))
    monkeypatch.setattr(pace, "clock", lambda: next(ticks) * 0.07)
    pages = {
        (response.status_int, response.text.replace(f'value="{typed}"', "").partition("csrfmiddlewaretoken")[0])
        for typed in ("jeanne.lefevre", "no.body", "box", "chief", "a.-.b")
        for response in [sign_in(typed, "wrong")]
    }
    assert len(pages) == 1
    assert waits == pytest.approx([pace.STEP - 0.07] * 5)
    assert sorted(list_reasons()) == ["not_a_person", "shared_mailbox", "unknown", "wrong_password", "wrong_password"]


def test_who_is_slower_than_one_step_waits_for_the_next(waits, monkeypatch):
    monkeypatch.setattr(pace, "clock", lambda: 10 + pace.STEP * 1.25)
    pace.wait_for_step(10)
    assert waits == pytest.approx([pace.STEP * 0.75])


def test_without_a_directory_nobody_waits(waits, camille):
    sign_in(camille.uid, "wrong")
    assert waits == []


def test_l06_all_names_of_one_person_are_one_counter(directory):
    """Also those of somebody who has never signed in, and whose e-mail says nothing of the uid."""
    names = ["jeanne.lefevre", JEANNE_EMAIL] * 4
    answers = [sign_in(typed, "wrong", f"192.0.2.{n}") for n, typed in enumerate(names)]
    assert [response.status_int for response in answers] == [200] * 7 + [429]
    assert sign_in(JEANNE_EMAIL, PASSWORD, "198.51.100.1").status_int == 429


def test_l06_a_new_name_gives_no_new_tries(directory):
    sign_in()
    directory.change("jeanne", uid="jeanne.martin")
    names = ["jeanne.martin", JEANNE_EMAIL] * 4
    answers = [sign_in(typed, "wrong", f"192.0.2.{n}") for n, typed in enumerate(names)]
    assert [response.status_int for response in answers] == [200] * 7 + [429]


def test_a_right_password_forgets_the_failures_under_every_name(directory):
    for n in range(6):
        sign_in(JEANNE_EMAIL, "wrong", f"192.0.2.{n}")
    assert sign_in(JEANNE_EMAIL).status_int == 303
    assert set(Attempts.objects.values_list("failures", flat=True)) == {0, 1}
    assert set(Attempts.objects.exclude(key__startswith="source:").values_list("failures", flat=True)) == {0}


def test_the_directory_says_where_its_passwords_are_changed(directory):
    browser = Browser()
    browser.sign_in("jeanne.lefevre", PASSWORD)
    for page in (browser.get("/compte/mot-de-passe/"), browser.follow_inside(post_password(browser))):
        assert 'href="https://mel.example.gouv.fr/changer"' in page.text
        assert not [form for form in page.forms.values() if "current_password" in form.fields]


def post_password(browser):
    token = browser.get("/compte/").forms[0]["csrfmiddlewaretoken"].value
    return browser.post("/compte/mot-de-passe/", {"csrfmiddlewaretoken": token, "current_password": "x"}, status="*")


def test_without_an_address_the_support_is_named(directory, settings):
    settings.LDAP_PASSWORD_URL = ""
    browser = Browser()
    browser.sign_in("jeanne.lefevre", PASSWORD)
    assert "adressez-vous à l’assistance" in browser.get("/compte/mot-de-passe/").text


def test_the_names_of_attributes_can_be_told(directory, settings):
    settings.LDAP_ATTRIBUTES = "email=mail organizational_unit=ou,departmentNumber"
    directory.change("jeanne", mail="jl@example.gouv.fr")
    assert sign_in("jl@example.gouv.fr").status_int == 303
    jeanne = Agent.objects.get()
    assert (jeanne.email, jeanne.organizational_unit) == ("jl@example.gouv.fr", "SG/DNUM")
    assert sign_in(JEANNE_EMAIL).status_int == 200
