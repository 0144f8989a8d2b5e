"""People of the directory who come at the same moment: real threads on a real PostgreSQL."""

import pytest
from django.utils import timezone

from accounts import attempts
from accounts.directory import get_directory
from accounts.directory.link_agent import link_agent
from accounts.models import Agent, Attempts
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.at_once import run_at_once
from tests.support.directory import JEANNE_EMAIL, JEANNE_ID, KARIM, KARIM_ID, PASSWORD
from tests.support.people import Browser, make_agent

pytest_plugins = ["tests.support.fixtures.directory"]
pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
AT_ONCE = 4  # of one person: below the tries that an account has free


def test_one_person_who_comes_for_the_first_time_from_many_browsers_is_one_agent(directory):
    browsers = [Browser() for _ in range(AT_ONCE)]
    answers = run_at_once(lambda browser: browser.sign_in("jeanne.lefevre", PASSWORD), browsers)
    assert [answer.status_int for answer in answers] == [303] * AT_ONCE
    assert Agent.objects.get().directory_id == JEANNE_ID
    assert AuditEvent.objects.filter(name=Event.AGENT_ADDED_BY_DIRECTORY).count() == 1


def test_people_who_exchange_their_uids_never_wait_for_each_other(directory):
    for uid, directory_id in (("jeanne.lefevre", JEANNE_ID), ("karim.benali", KARIM_ID)):
        make_agent(uid, directory_id=directory_id, password="!")
    directory.change("jeanne", uid="karim.benali", mailPR=KARIM["mailPR"])
    directory.change("karim", uid="jeanne.lefevre", mailPR=JEANNE_EMAIL)
    entries = get_directory().find_by_ids([JEANNE_ID, KARIM_ID])
    run_at_once(lambda entry: link_agent(entry, timezone.now()), entries * AT_ONCE)
    for entry in entries:
        link_agent(entry, timezone.now())
    assert dict(Agent.objects.values_list("directory_id", "uid")) == {
        JEANNE_ID: "karim.benali", KARIM_ID: "jeanne.lefevre",
    }  # fmt: skip


def test_tries_that_are_given_back_at_once_never_wait_for_each_other(transactional_db):
    """The directory is down and the agent clicks again: none of it may count."""

    def try_and_give_back(_):
        for _again in range(10):
            attempts.reserve_try("account:one", "source:192.0.2.10", timezone.now())
            attempts.return_try("account:one", "source:192.0.2.10")

    run_at_once(try_and_give_back, range(AT_ONCE))
    assert set(Attempts.objects.values_list("failures", flat=True)) == {0}
