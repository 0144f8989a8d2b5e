"""Who is who: the directory's stable id alone, never a uid or an e-mail that may come back for somebody else."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError

from accounts.attempts import BROWSERS_LIMIT
from accounts.directory import link_agent as linking
from accounts.models import Agent, AgentSession
from accounts.refusals import Reason
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support import people
from tests.support.audit import list_reasons
from tests.support.directory import JEANNE_EMAIL, JEANNE_ID, KARIM, PASSWORD, assert_refused, sign_in
from tests.support.people import Browser, answer, make_agent

pytest_plugins = ["tests.support.fixtures.directory"]
pytestmark = pytest.mark.django_db


def sub_of(browser, wiki):
    code = answer(browser.authorize("wiki"))["code"]
    token = browser.token(code, "wiki").json["access_token"]
    return browser.get("/oidc/userinfo", headers={"Authorization": f"Bearer {token}"}).json["sub"]


@pytest.mark.parametrize("change", [{"uid": "jeanne.martin"}, {"mailPR": "jeanne.martin@example.gouv.fr"}])
def test_a_renamed_person_is_the_same_for_applications(directory, wiki, change):
    before, after = Browser(), Browser()
    before.sign_in("jeanne.lefevre", PASSWORD)
    sub = sub_of(before, wiki)
    directory.change("jeanne", **change)
    login = next(iter(change.values()))
    assert after.sign_in(login, PASSWORD).status_int == 303
    assert sub_of(after, wiki) == sub
    jeanne = Agent.objects.get()
    assert login in (jeanne.uid, jeanne.email)
    assert AuditEvent.objects.get(name=Event.AGENT_CHANGED_BY_DIRECTORY).detail["former_uid"] == "jeanne.lefevre"


def newcomer(directory, **names):
    """Give Jeanne's uid, her e-mail address, or both to another person, after she has left."""
    directory.remove("jeanne")
    directory.put("newcomer", **KARIM | {"uniqueIdentifier": "c4-newcomer", "uid": "new.comer"} | names)


def test_a_recycled_uid_is_another_agent_who_inherits_nothing(directory):
    old = Browser()
    old.sign_in("jeanne.lefevre", PASSWORD)
    jeanne = Agent.objects.get()
    people.activate_otp_mel(jeanne)
    Agent.objects.update(is_staff=True)
    newcomer(directory, uid="jeanne.lefevre", mailPR="jl2@example.gouv.fr", userPassword="another one")
    new = Browser()
    assert new.sign_in("jeanne.lefevre", "another one").status_int == 303
    other = Agent.objects.get(uid="jeanne.lefevre")
    jeanne.refresh_from_db()
    assert other.uuid != jeanne.uuid
    assert (other.is_staff, hasattr(other, "otp_mel")) == (False, False)
    assert jeanne.uid.startswith("ancien-")
    jeanne.full_clean(exclude=["password"])
    assert (jeanne.directory_id, jeanne.email) == (JEANNE_ID, JEANNE_EMAIL)
    assert old.get("/compte/").status_int == 302
    assert new.get("/compte/").status_int == 200
    event = AuditEvent.objects.get(name=Event.AGENT_DISPLACED_BY_DIRECTORY)
    assert (event.agent, event.detail) == (jeanne.uid, {"former_uid": "jeanne.lefevre"})


def test_a_recycled_email_leaves_the_uid_and_the_sessions(directory):
    old = Browser()
    old.sign_in("jeanne.lefevre", PASSWORD)
    directory.change("jeanne", mailPR="jeanne@example.gouv.fr")
    directory.put("newcomer", **KARIM | {"uniqueIdentifier": "c4-newcomer", "uid": "new.comer", "mailPR": JEANNE_EMAIL})
    directory.remove("karim")
    assert sign_in(JEANNE_EMAIL).status_int == 303
    jeanne, other = Agent.objects.get(directory_id=JEANNE_ID), Agent.objects.get(email=JEANNE_EMAIL)
    assert (other.uid, other.directory_id) == ("new.comer", "c4-newcomer")
    assert (jeanne.uid, jeanne.email) == ("jeanne.lefevre", None)
    assert old.get("/compte/").status_int == 200


@pytest.mark.parametrize("taken", [{"uid": "jeanne.lefevre"}, {"uid": "chief", "email": JEANNE_EMAIL}])
@pytest.mark.parametrize("usable", [True, False])
def test_an_account_that_cerbere_keeps_is_never_taken_over(directory, taken, usable):
    fields = {"email": "chief@example.fr", "is_superuser": True} | taken
    local = make_agent(**fields, **({} if usable else {"password": "!never"}))
    response = sign_in(JEANNE_EMAIL if taken["uid"] == "jeanne.lefevre" else "jeanne.lefevre")
    assert_refused(response, "local_account")
    local.refresh_from_db()
    assert (local.directory_id, local.uid) == (None, taken["uid"])
    assert Agent.objects.count() == 1


def test_an_account_that_cerbere_keeps_goes_first_and_the_directory_is_not_asked(directory):
    make_agent("jeanne.lefevre", email=None)
    assert sign_in(password=people.PASSWORD).status_int == 303
    AgentSession.objects.all().delete()
    assert_refused(sign_in(), "wrong_password")


def test_two_browsers_at_the_same_moment_make_one_agent(directory, monkeypatch):
    """The second finds the row that the first has written meanwhile."""
    late = linking._link_agent

    def first_the_other_browser(entry, now):
        monkeypatch.setattr(linking, "_link_agent", late)
        late(entry, now)
        raise IntegrityError

    monkeypatch.setattr(linking, "_link_agent", first_the_other_browser)
    assert sign_in().status_int == 303
    assert Agent.objects.get().directory_id == JEANNE_ID


@pytest.mark.parametrize("shared", [{"uid": "jeanne.lefevre"}, {"mailPR": JEANNE_EMAIL}])
def test_a_name_that_two_people_have_at_once_changes_hands_by_no_login(directory, shared):
    """A homonym, a copy in another branch: whoever signs in by another name must not become the first."""
    sign_in("jeanne.lefevre")
    directory.change("karim", **shared)
    by_another_name = KARIM["mailPR"] if "uid" in shared else "karim.benali"
    assert Browser("198.51.100.7").sign_in(by_another_name, PASSWORD).status_int == 200
    assert list_reasons() == [Reason.AMBIGUOUS]
    jeanne = Agent.objects.get()
    assert (jeanne.uid, jeanne.email) == ("jeanne.lefevre", JEANNE_EMAIL)
    assert AgentSession.objects.filter(agent=jeanne).exists()


def test_an_id_in_capitals_is_the_same_person_in_a_file_and_in_the_directory(directory, tmp_path):
    directory.change("jeanne", uniqueIdentifier="AB-Jeanne")
    file = tmp_path / "agents.csv"
    file.write_text("uid,given_name,family_name,directory_id\njeanne.lefevre,Jeanne,Lefèvre,AB-Jeanne\n")
    call_command("import_agents", file, "--apply", stdout=StringIO())
    sign_in("jeanne.lefevre")
    call_command("sync_directory", stdout=StringIO())
    assert Agent.objects.get().is_active


def test_many_known_browsers_have_one_bound_where_the_directory_keeps_the_password(directory):
    """Cookies of known browsers outlive a password that is changed elsewhere: they must not multiply the tries."""
    browsers = [Browser(f"198.51.100.{n}") for n in range(5)]
    for browser in browsers:
        browser.sign_in("jeanne.lefevre", PASSWORD)
        browser.post("/deconnexion/", {"csrfmiddlewaretoken": browser.cookies["cerbere_csrf"]}, expect_errors=True)
    answers = [browser.sign_in("jeanne.lefevre", "wrong").status_int for browser in browsers for _ in range(6)]
    assert answers.count(200) == BROWSERS_LIMIT.free_tries
    assert set(answers[BROWSERS_LIMIT.free_tries :]) == {429}
