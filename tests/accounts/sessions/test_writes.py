"""What a request writes of its session: once, all or nothing, and never anew when it has ended."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import Agent, AgentSession
from accounts.sessions.store import KEY_PATTERN, SessionStore
from accounts.sign_in.verify_password import verify_password
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent

pytestmark = pytest.mark.django_db
NAME = "cerbere_session"


def refuse_to_record(*_, **__):
    raise IntegrityError("the audit log takes nothing")


@pytest.mark.django_db(transaction=True)
def test_no_session_begins_when_the_sign_in_cannot_be_recorded(browser, camille, monkeypatch):
    """The session, the date of the last sign-in and the line in the audit log are written together or not at all."""
    monkeypatch.setattr("accounts.sign_in.sign_in.record", refuse_to_record)
    page = browser.get("/connexion/")
    answer = browser.sign_in(page=page)
    assert (answer.status_int, NAME in browser.cookies) == (500, False)
    assert not AgentSession.objects.exists()
    camille.refresh_from_db()
    assert camille.last_login is None


@pytest.mark.django_db(transaction=True)
def test_a_session_goes_on_as_it_was_when_the_sign_in_cannot_be_recorded(signed_in, camille, monkeypatch):
    camille.refresh_from_db()
    before = AgentSession.objects.values_list().get(), camille.last_login
    monkeypatch.setattr("accounts.sign_in.sign_in.record", refuse_to_record)
    assert signed_in.sign_in().status_int == 500
    camille.refresh_from_db()
    assert (AgentSession.objects.values_list().get(), camille.last_login) == before


def test_an_agent_who_is_removed_meanwhile_has_no_session(browser, camille, monkeypatch):
    def removed(*tried):
        proved = verify_password(*tried)
        Agent.objects.all().delete()
        return proved

    monkeypatch.setattr("accounts.sign_in.sign_in.verify_password", removed)
    assert browser.sign_in().status_int == 500
    assert not AgentSession.objects.exists()
    assert not AuditEvent.objects.filter(name=Event.SIGN_IN_ACCEPTED).exists()


def test_the_date_of_the_last_sign_in_is_kept(signed_in, camille):
    camille.refresh_from_db()
    assert timezone.now() - camille.last_login < timedelta(minutes=1)


def store(signed_in):
    return SessionStore(signed_in.cookies[NAME])


def test_what_changes_after_a_write_is_written_too_however_deep(signed_in):
    session = store(signed_in)
    session["deep"] = {"list": [1]}
    session.save()
    session["deep"]["list"].append(2)
    session.save()
    assert store(signed_in)["deep"] == {"list": [1, 2]}


def test_what_has_just_been_written_is_not_written_again(signed_in, django_assert_num_queries):
    session = store(signed_in)
    session["a"] = 1
    session.save()
    with django_assert_num_queries(0):
        session.save()


@pytest.mark.parametrize("change", [SessionStore.save, SessionStore.cycle_key])
def test_a_session_that_has_ended_meanwhile_is_not_written_anew(signed_in, change):
    session = store(signed_in)
    session["a"] = 1
    AgentSession.objects.all().delete()
    with pytest.raises((UpdateError, SessionInterrupted)):
        change(session)
    assert not AgentSession.objects.exists()


def test_who_and_with_what_is_kept_in_the_row_when_the_key_changes(signed_in, camille):
    signed_in.extra_environ["HTTP_USER_AGENT"] = "Another/1.0"
    signed_in.sign_in()
    row = AgentSession.objects.get()
    assert (row.agent, row.user_agent) == (camille, "Another/1.0")


def test_a_key_is_what_django_takes_for_one_and_never_comes_twice():
    keys = set()
    for _ in range(20):
        session = SessionStore()
        session.create()
        keys.add(session.session_key)
    assert len(keys) == 20
    assert all(KEY_PATTERN.fullmatch(key) for key in keys)


def test_a_key_that_we_never_made_is_not_taken_for_a_new_session():
    planted = "a" * 32
    session = SessionStore(planted)
    session["a"] = 1
    session.save()
    assert session.session_key != planted
    assert SessionStore(planted).sid is None
