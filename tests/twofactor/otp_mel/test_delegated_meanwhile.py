"""What happens elsewhere while the Bnum answers a code: other tabs, other browsers, other sendings of the form."""

import pytest
from django.utils import timezone

from accounts.models import AgentSession
from tests.support.people import (
    Browser,
    code,
    code_form,
    copy_browser,
    device,
    is_two_factor,
    make_agent,
    put_on_bnum,
    session,
    wrong_code,
)
from tests.support.worker import run_worker
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.sources.dynalogind import DynalogindSource
from twofactor.throttle import CEILING, FREE_TRIES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
ADD, VERIFY = "/compte/deux-facteurs/otp-mel/", "/verification/"
CAMILLE = "camille.durand"


@pytest.fixture
def enrolled(bnum):
    agent = make_agent(CAMILLE)
    device = OtpMelDevice(user=agent)
    device.set_seed(None)
    device.confirm(timezone.now())
    return agent


@pytest.fixture
def meanwhile(monkeypatch):
    """Return a function that has an act done once, between the question to the Bnum and its answer."""
    ask = DynalogindSource.verify

    def plan(act):
        acts = [act]

        def verify(self, uid, typed):
            if acts:
                acts.pop()()
            return ask(self, uid, typed)

        monkeypatch.setattr(DynalogindSource, "verify", verify)

    return plan


def about_to_send(browser, typed, page=VERIFY):
    form = code_form(browser.get(page))
    form["code"] = typed
    return form


@pytest.mark.parametrize("page", [VERIFY, ADD])
def test_who_signs_in_again_under_the_same_key_does_not_get_the_raised_session(bnum, request, meanwhile, page):
    """He knows the password and this session's key; the agent's code must not raise his browser."""
    if page == VERIFY:
        request.getfixturevalue("enrolled")
    else:
        make_agent(CAMILLE)
    browser = session()
    thief = copy_browser(browser)
    login_page, form = thief.get("/connexion/"), about_to_send(browser, code(), page)
    meanwhile(lambda: thief.sign_in(page=login_page))
    form.submit(expect_errors=True)
    assert not is_two_factor(thief)


def test_a_session_that_ended_meanwhile_leads_to_the_login_page(enrolled, meanwhile):
    browser = session()
    form = about_to_send(browser, code())
    meanwhile(lambda: AgentSession.objects.all().delete())
    answer = form.submit(expect_errors=True)
    assert (answer.status_int, answer.location) == (303, VERIFY)
    assert answer.follow().location.startswith("/connexion/")


def test_t19_the_second_sending_that_the_bnum_refuses_ends_like_the_first(enrolled, meanwhile):
    """Both were asked for; the yes to the first was used while the second waited for its no."""
    browser = session()
    form = about_to_send(browser, code())
    twin, fields = copy_browser(browser), form.submit_fields()
    meanwhile(lambda: twin.post(VERIFY, fields))
    assert form.submit(expect_errors=True).status_int == 303
    assert is_two_factor(twin)
    assert device().failures == 0


def test_a_method_removed_while_it_is_added_in_another_tab_is_no_fault(enrolled, monkeypatch):
    browser = session()
    form = about_to_send(browser, code())
    form.action = ADD
    look_up = DynalogindSource.look_up

    def remove_first(self, uid):
        device().remove()
        return look_up(self, uid)

    monkeypatch.setattr(DynalogindSource, "look_up", remove_first)
    assert form.submit(expect_errors=True).location == "/compte/"


def test_tries_under_way_together_that_close_the_method_are_one_mail(enrolled, monkeypatch, mailoutbox):
    forms = [about_to_send(session(), wrong_code()) for _ in range(FREE_TRIES)]
    first, *others = forms
    ask = DynalogindSource.verify

    def verify(self, uid, typed):
        if others:
            others.pop().submit(expect_errors=True)
        return ask(self, uid, typed)

    monkeypatch.setattr(DynalogindSource, "verify", verify)
    first.submit(expect_errors=True)
    run_worker()
    assert [mail.subject for mail in mailoutbox] == ["Codes incorrects pour votre compte"]


def test_a_closed_method_stays_closed_when_the_site_gives_secrets_from_now_on(enrolled, settings):
    OtpMelDevice.objects.update(failures=CEILING)
    put_on_bnum(CAMILLE)
    settings.MELOTP_SOURCE = "database"
    for _ in range(3):
        session().send_code(VERIFY, wrong_code())
        OtpMelDevice.objects.update(changed_at=None)
    assert device().failures == CEILING


def test_one_agents_odd_uid_closes_the_source_to_nobody_else(enrolled, bnum):
    make_agent("dominique.morel")
    browser = session()
    enrolled.uid = "camille.durand-de-la-tour-du-pin-chambly"
    enrolled.save()
    page = browser.get(VERIFY)
    for _ in range(FREE_TRIES + 1):
        assert browser.send_code(page, wrong_code()).status_int == 503
    other = Browser("198.51.100.9")
    other.sign_in("dominique.morel")
    assert other.get(ADD).status_int == 200


def test_a_digest_whose_key_is_gone_hinders_nobody(enrolled, settings, clock):
    session().send_code(VERIFY, code())
    settings.SEED_KEYS = "new:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    clock.shift(60)
    browser = session()
    browser.send_code(VERIFY, code())
    assert is_two_factor(browser)
