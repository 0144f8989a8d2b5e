"""A right code is burnt without a lock before it, and only while its row and its session are what it was judged by."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AgentSession
from cerbere.audit.events import Event
from tests.support.audit import journal
from tests.support.people import DOMINIQUE_SECRET, code, device, is_two_factor, put_on_bnum
from twofactor.codes import step_of
from twofactor.models import OtpMelDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
VERIFY = "/verification/"


@pytest.fixture
def meanwhile(monkeypatch):
    """What somebody else does between the reading of the row and the one statement."""

    def does(act):
        at_once = OtpMelDevice.burn_at_once

        def late(*given):
            act()
            return at_once(*given)

        monkeypatch.setattr(OtpMelDevice, "burn_at_once", late)

    return does


def changed_row(**columns):
    OtpMelDevice.objects.update(**columns)


def test_a_right_code_raises_the_session_and_is_burnt(enrolled_browser):
    before = enrolled_browser.cookies["cerbere_session"]
    assert "otp_mel" not in AgentSession.objects.get().get_decoded()
    assert enrolled_browser.send_code(VERIFY, code()).status_int == 303
    assert enrolled_browser.cookies["cerbere_session"] != before
    assert is_two_factor(enrolled_browser)
    assert "otp_mel" in AgentSession.objects.get().get_decoded()
    assert (device().last_step, device().last_sid) == (step_of(timezone.now()), AgentSession.objects.get().sid)
    assert journal(Event.SECOND_FACTOR_ACCEPTED) == 1


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        (lambda: {"last_step": step_of(timezone.now())}, 200),
        (lambda: {"locked_until": timezone.now() + timedelta(minutes=1)}, 429),
        (lambda: {"failures": 1000}, 429),
        (lambda: {"confirmed": False}, 302),
        (lambda: {"changed_at": timezone.now()}, 303),
    ],
    ids=["burnt", "locked", "closed", "removed", "changed on the Bnum"],
)
def test_a_code_that_is_right_no_more_gives_nothing(enrolled_browser, meanwhile, columns, status):
    meanwhile(lambda: changed_row(**columns()))
    assert enrolled_browser.send_code(VERIFY, code()).status_int == status
    assert not is_two_factor(enrolled_browser)
    assert journal(Event.SECOND_FACTOR_ACCEPTED) == 0
    assert device().last_sid is None


def test_a_code_of_a_secret_that_has_been_replaced_gives_nothing(enrolled_browser, meanwhile):
    def renewed():
        put_on_bnum("camille.durand", DOMINIQUE_SECRET)
        row = device()
        row.take_seed(DOMINIQUE_SECRET.encode())
        row.save()

    meanwhile(renewed)
    assert enrolled_browser.send_code(VERIFY, code()).status_int == 200
    assert not is_two_factor(enrolled_browser)
    assert (device().failures, device().last_refusal) == (1, "wrong")


def test_a_code_that_is_right_all_the_same_is_judged_anew(enrolled_browser, meanwhile):
    meanwhile(lambda: changed_row(failures=2))
    assert enrolled_browser.send_code(VERIFY, code()).status_int == 303
    assert is_two_factor(enrolled_browser)
    assert device().failures == 0
    assert journal(Event.SECOND_FACTOR_ACCEPTED) == 1


@pytest.mark.parametrize(
    "ended",
    [lambda: AgentSession.objects.all().delete(), lambda: AgentSession.objects.update(session_key="changed")],
    ids=["ended", "under another key"],
)
def test_a_session_that_is_no_more_is_not_raised(enrolled_browser, meanwhile, ended):
    meanwhile(ended)
    assert enrolled_browser.send_code(VERIFY, code()).status_int in (303, 400)
    assert not any("otp_mel" in row.get_decoded() for row in AgentSession.objects.all())
    assert journal(Event.SECOND_FACTOR_ACCEPTED) == 0
    assert device().last_step == -1
