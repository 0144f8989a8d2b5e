"""What the administration shows of a directory's agent, and the grace that it may give."""

from datetime import UTC, datetime

import pytest

from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.admin import find_row_form
from tests.support.people import make_agent

pytestmark = pytest.mark.django_db
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def jeanne():
    return make_agent("jeanne.lefevre", directory_id="an-id", two_factor_required_from=SINCE)


def agent_form(browser, agent):
    return find_row_form(browser.get(f"/admin/accounts/agent/{agent.pk}/change/"))


def give(browser, agent, day, reason):
    form = agent_form(browser, agent)
    form["two_factor_grace_until_0"], form["two_factor_grace_until_1"] = day, "08:00:00" if day else ""
    form["two_factor_grace_reason"] = reason
    return form.submit()


def test_a_grace_with_its_reason_is_kept_and_recorded(chief, jeanne):
    assert give(chief, jeanne, "2099-03-01", "téléphone perdu, remplacé en mars").status_int == 302
    jeanne.refresh_from_db()
    assert jeanne.two_factor_due_at == datetime(2099, 3, 1, 7, tzinfo=UTC)
    event = AuditEvent.objects.get(name=Event.TWO_FACTOR_GRACE_BY_ADMIN)
    assert (event.agent, event.actor) == ("jeanne.lefevre", "chief")
    assert event.detail == {"until": "2099-03-01T07:00:00+00:00", "reason": "téléphone perdu, remplacé en mars"}


@pytest.mark.parametrize("reason", ["", "   ", "ok"])
def test_a_grace_without_a_reason_is_refused(chief, jeanne, reason):
    page = give(chief, jeanne, "2099-03-01", reason)
    assert "Indiquez pourquoi ce délai est accordé." in page.text
    jeanne.refresh_from_db()
    assert jeanne.two_factor_due_at == SINCE
    assert not AuditEvent.objects.filter(name=Event.TWO_FACTOR_GRACE_BY_ADMIN).exists()


def test_taking_a_grace_back_is_recorded_too(chief, jeanne):
    give(chief, jeanne, "2099-03-01", "téléphone perdu")
    give(chief, jeanne, "", "")
    assert AuditEvent.objects.filter(name=Event.TWO_FACTOR_GRACE_BY_ADMIN).first().detail["until"] is None
    assert Agent.objects.get(pk=jeanne.pk).two_factor_due_at == SINCE


def test_a_change_of_something_else_is_no_grace(chief, jeanne):
    form = agent_form(chief, jeanne)
    form["usual_name"] = "Martin"
    form.submit()
    assert not AuditEvent.objects.filter(name=Event.TWO_FACTOR_GRACE_BY_ADMIN).exists()


def test_what_the_directory_says_is_not_to_be_changed_here(chief, jeanne):
    local = make_agent("sasha.petit")
    theirs = {"uid", "email", "given_name", "family_name", "organizational_unit", "siret", "phone_number", "mailbox"}
    assert not theirs & set(agent_form(chief, jeanne).fields)
    assert theirs <= set(agent_form(chief, local).fields)


def test_what_an_administrator_decides_the_directory_does_not_undo(chief, jeanne):
    Agent.objects.filter(pk=jeanne.pk).update(is_active=False, directory_closed_at=SINCE)
    for active in (True, False):
        form = agent_form(chief, jeanne)
        form["is_active"] = active
        form.submit()
    jeanne.refresh_from_db()
    assert (jeanne.is_active, jeanne.directory_closed_at) == (False, None)
