"""manage.py sync_directory: what it refreshes, whom it closes and opens again, and when it refuses to."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from accounts.directory import sync_directory as act
from accounts.models import Agent, AgentSession
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.core.batches import in_batches
from cerbere.provider.logout.models import LogoutNotice
from tests.support.commands import run_command
from tests.support.directory import JEANNE, JEANNE_EMAIL, JEANNE_ID, KARIM, KARIM_ID, PASSWORD
from tests.support.people import Browser, answer, make_agent, make_client
from tests.support.servers.programs import free_port
from twofactor.strength import Strength

pytest_plugins = ["tests.support.fixtures.directory"]
pytestmark = pytest.mark.django_db


def sync(*arguments):
    return run_command("sync_directory", *arguments).strip()


@pytest.fixture
def jeanne(directory):
    """Return an agent of the directory who has a session."""
    jeanne = make_agent("jeanne.lefevre", email=JEANNE_EMAIL, directory_id=JEANNE_ID, password="!")
    Browser().sign_in("jeanne.lefevre", PASSWORD)
    return jeanne


def crowd(directory, number, there=True):
    for n in range(number):
        make_agent(f"agent.n{n}", directory_id=f"id-{n}", password="!")
        if there:
            names = {"uid": f"agent.n{n}", "uniqueIdentifier": f"id-{n}", "mailPR": f"agent.n{n}@example.fr"}
            directory.put(f"n{n}", **JEANNE | names)


def closed():
    return set(Agent.objects.filter(is_active=False).values_list("uid", flat=True))


def test_attributes_and_policy_are_refreshed_under_the_same_uuid(directory, jeanne):
    directory.change("jeanne", uid="jeanne.martin", sn="Martin", mineqInfoSec=["2FA.Forcee: 1"])
    assert sync() == "refreshed: 1"
    again = Agent.objects.get()
    assert (again.uuid, again.uid, again.family_name) == (jeanne.uuid, "jeanne.martin", "Martin")
    assert again.two_factor_required_from == datetime(1970, 1, 1, tzinfo=UTC)
    assert AgentSession.objects.filter(agent=jeanne).exists()
    changed = AuditEvent.objects.filter(name=Event.AGENT_CHANGED_BY_DIRECTORY).first()
    assert changed.detail["former_uid"] == "jeanne.lefevre"
    assert set(changed.detail["fields"].split(", ")) == {"uid", "family_name", "two_factor_required_from"}


def test_what_has_not_changed_is_no_event(directory, jeanne):
    before = AuditEvent.objects.count()
    sync()
    assert AuditEvent.objects.count() == before


GONE = {
    "missing": (lambda directory: directory.remove("jeanne"), "unknown"),
    "disabled": (lambda directory: directory.change("jeanne", mineqTypeEntree=None), "not_a_person"),
    "a mailbox now": (lambda directory: directory.change("jeanne", mineqTypeEntree="BALF"), "not_a_person"),
    "without a uid": (lambda directory: directory.change("jeanne", uid=None), "unusable_entry"),
    "twice": (lambda directory: directory.change("karim", uniqueIdentifier=JEANNE_ID), "unknown"),
}


@pytest.mark.parametrize(("leave", "reason"), GONE.values(), ids=GONE)
def test_who_has_gone_is_closed_with_every_session(directory, jeanne, leave, reason):
    leave(directory)
    assert sync() == "closed: 1, not_found: 1"
    jeanne.refresh_from_db()
    assert not jeanne.is_active
    assert not AgentSession.objects.filter(agent=jeanne).exists()
    assert AuditEvent.objects.get(name=Event.AGENT_CLOSED_BY_DIRECTORY).detail == {"reason": reason}


def test_applications_are_told_of_each_session_that_ends(directory, jeanne):
    make_client("wiki", Strength.PASSWORD, backchannel_logout_uri="https://wiki.example.fr/logout")
    for _ in range(2):
        browser = Browser()
        browser.sign_in("jeanne.lefevre", PASSWORD)
        browser.token(answer(browser.authorize("wiki"))["code"], "wiki")
    directory.remove("jeanne")
    sync()
    assert LogoutNotice.objects.filter(agent=jeanne).count() == 2


def test_who_comes_back_is_open_again(directory, jeanne):
    directory.remove("jeanne")
    sync()
    directory.put("jeanne", **JEANNE)
    assert sync() == "refreshed: 1"
    jeanne.refresh_from_db()
    assert (jeanne.is_active, jeanne.directory_closed_at) == (True, None)
    assert AuditEvent.objects.filter(name=Event.AGENT_REOPENED_BY_DIRECTORY, agent=jeanne.uid).count() == 1


def test_who_comes_back_may_sign_in_before_the_next_sync(directory, jeanne):
    directory.remove("jeanne")
    sync()
    directory.put("jeanne", **JEANNE)
    assert Browser().sign_in("jeanne.lefevre", PASSWORD).status_int == 303


@pytest.mark.parametrize("gone_meanwhile", [False, True])
def test_whom_an_administrator_closed_stays_closed(directory, jeanne, gone_meanwhile):
    Agent.objects.update(is_active=False)
    if gone_meanwhile:
        directory.remove("jeanne")
        assert sync() == "not_found: 1"
        directory.put("jeanne", **JEANNE)
    assert sync() == "refreshed: 1"
    assert closed() == {"jeanne.lefevre"}
    assert Browser().sign_in("jeanne.lefevre", PASSWORD).status_int == 200


def test_local_accounts_are_left_alone(directory, jeanne):
    chief = make_agent("chief", is_superuser=True)
    sync()
    chief.refresh_from_db()
    assert (chief.is_active, chief.directory_seen_at) == (True, None)


def test_a_new_uid_that_is_a_local_accounts_closes_nobody(directory, jeanne):
    make_agent("chief")
    directory.change("jeanne", uid="chief")
    assert sync() == "name_kept_here: 1"
    assert closed() == set()
    assert set(Agent.objects.values_list("uid", flat=True)) == {"chief", "jeanne.lefevre"}


def test_two_people_who_exchange_their_uids(directory, jeanne):
    karim = make_agent("karim.benali", directory_id=KARIM_ID, password="!")
    directory.change("jeanne", uid="karim.benali", mailPR=KARIM["mailPR"])
    directory.change("karim", uid="jeanne.lefevre", mailPR=JEANNE_EMAIL)
    assert sync() == "refreshed: 2"
    for agent, uid in ((jeanne, "karim.benali"), (karim, "jeanne.lefevre")):
        agent.refresh_from_db()
        assert agent.uid == uid


def test_more_than_ever_go_at_once_are_not_closed_without_force(directory, jeanne):
    crowd(directory, act.CLOSED_AT_ONCE + 1, there=False)
    with pytest.raises(CommandError, match=r"^11 agents are not in the directory: nobody was closed"):
        sync()
    assert closed() == set()
    assert AgentSession.objects.filter(agent=jeanne).exists()
    assert sync("--force") == "closed: 11, not_found: 11, refreshed: 1"
    assert len(closed()) == 11


def test_ten_at_once_are_closed(directory, jeanne):
    crowd(directory, act.CLOSED_AT_ONCE, there=False)
    assert sync() == "closed: 10, not_found: 10, refreshed: 1"


def test_a_share_of_many_is_closed(directory, monkeypatch):
    monkeypatch.setattr(act, "CLOSED_AT_ONCE", 1)
    crowd(directory, 40)
    directory.remove("n1")
    directory.remove("n2")
    assert sync() == "closed: 2, not_found: 2, refreshed: 38"
    for n in (3, 4):
        directory.remove(f"n{n}")
    with pytest.raises(CommandError, match=r"^2 agents"):
        sync()


def test_a_directory_that_forgets_what_people_are_empties_nothing(directory, jeanne, settings):
    """Its rights were lost: entries come without what says that they are people."""
    crowd(directory, 20)
    settings.LDAP_ATTRIBUTES = "mailbox=title"
    with pytest.raises(CommandError, match="nobody was closed"):
        sync()
    assert closed() == set()
    assert set(Agent.objects.values_list("mailbox", flat=True)) == {"BALI"}


def test_a_directory_that_is_down_stops_it(directory, jeanne, settings):
    settings.AUTH_LDAP_SERVER_URI = f"ldaps://127.0.0.1:{free_port()}"
    with pytest.raises(CommandError, match=r"SERVER_DOWN.*nobody was closed"):
        sync("--force")
    assert closed() == set()
    assert AuditEvent.objects.filter(name=Event.DIRECTORY_UNAVAILABLE).count() == 1


def test_a_directory_that_goes_down_half_way_closes_nobody(directory, jeanne, monkeypatch):
    monkeypatch.setattr(act, "BATCH", 5)
    crowd(directory, 8)
    directory.remove("n0")
    monkeypatch.setattr(act, "link_agent", stops_after(directory, 4, act.link_agent))
    try:
        with pytest.raises(CommandError, match="nobody was closed"):
            sync()
    finally:
        directory.launch()
    assert closed() == set()


def stops_after(directory, number, link):
    calls = iter(range(1, 100))

    def counted(entry, now):
        if next(calls) == number:
            directory.stop()
        return link(entry, now)

    return counted


def test_who_is_back_at_the_second_look_is_not_closed(directory, jeanne, monkeypatch):
    directory.remove("jeanne")
    looks = iter([lambda: None, lambda: directory.put("jeanne", **JEANNE)])
    original = act._pair_with_entries
    monkeypatch.setattr(act, "_pair_with_entries", lambda agents: (next(looks)(), original(agents))[1])
    assert sync() == "back: 1, not_found: 1"
    assert closed() == set()


def test_who_signs_in_meanwhile_is_not_closed(directory, jeanne):
    now = timezone.now()
    gone = act._select_agents().filter(directory_seen_at__lt=now, is_active=True)
    Agent.objects.update(directory_seen_at=now + timedelta(seconds=1))
    assert act._close(gone, jeanne.pk, None, now) is act.Outcome.BACK


def test_batches_are_small_and_leave_nobody_out(directory, monkeypatch):
    monkeypatch.setattr(act, "BATCH", 3)
    crowd(directory, 10)
    assert [len(batch) for batch in in_batches(act._select_agents(), act.BATCH)] == [3, 3, 3, 1]
    assert sync() == "refreshed: 10"


def test_without_a_directory_it_says_so(db):
    with pytest.raises(CommandError, match="CERBERE_LDAP_URL is not set"):
        sync()


def test_nobody_to_refresh(directory):
    assert sync() == "no agent"
