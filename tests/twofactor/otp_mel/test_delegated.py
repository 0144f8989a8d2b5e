"""Where the Bnum keeps the secret and checks the codes itself: a real daemon on a socket answers."""

import html
from io import StringIO

import pytest
from django.core.management import call_command

from cerbere.audit.events import Event
from tests.support.audit import list_reasons
from tests.support.fakes import fake_bnum
from tests.support.people import (
    CAMILLE_SECRET,
    NOW,
    PASSWORD,
    Browser,
    activate_otp_mel,
    answer,
    code,
    code_form,
    device,
    is_two_factor,
    make_agent,
    put_on_bnum,
    wrong_code,
)
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.throttle import FREE_TRIES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
ADD, VERIFY, REMOVE = "/compte/deux-facteurs/otp-mel/", "/verification/", "/compte/deux-facteurs/otp-mel/retirer/"
RENEW = "/compte/deux-facteurs/otp-mel/confirmer/"
CAMILLE = "camille.durand"


@pytest.fixture
def bnum(settings, db):
    with fake_bnum.delegating(settings) as bnum:
        yield bnum


@pytest.fixture
def signed_in(bnum, browser):
    make_agent(CAMILLE)
    browser.sign_in()
    return browser


@pytest.fixture
def enrolled(signed_in, clock):
    """Return the browser of an agent who activated the method some minutes ago."""
    signed_in.enrol()
    clock.shift(600)
    browser = Browser()
    browser.sign_in()
    return browser


def test_e02_the_journey_ends_in_the_application_and_no_secret_is_here(bnum, browser, piag):
    make_agent(CAMILLE)
    refusal = browser.follow_inside(browser.sign_in(page=browser.follow_inside(browser.authorize())))
    assert "Accès interdit, authentification trop faible" in html.unescape(refusal.text)
    success = browser.follow_inside(browser.send_code(refusal.click(href="otp-mel"), code()))
    assert "Authentification 2 facteurs activée avec succès pour la méthode OTP Mél." in html.unescape(success.text)
    assert answer(browser.follow_inside(success.click("Continuer vers PIAG")))["code"]
    assert (device().sealed_seed, device().fingerprint) == ("", "")


def test_t01_a_code_raises_the_session(enrolled):
    assert not is_two_factor(enrolled)
    enrolled.send_code(VERIFY, code())
    assert is_two_factor(enrolled)


def test_t20_a_code_that_served_on_the_bnum_is_refused_here(enrolled, bnum):
    assert bnum.is_right(CAMILLE, code())
    assert enrolled.send_code(VERIFY, code()).status_int == 200
    assert not is_two_factor(enrolled)


def test_one_code_serves_once_even_if_the_bnum_forgets_it(enrolled, bnum):
    enrolled.send_code(VERIFY, code())
    bnum.used.clear()
    other = Browser("198.51.100.7")
    other.sign_in()
    asked = len(bnum.asked)
    other.send_code(VERIFY, code())
    assert (is_two_factor(other), list_reasons(Event.SECOND_FACTOR_REFUSED)[-1]) == (False, "already_used")
    assert len(bnum.asked) == asked, "the Bnum is not even asked"


def test_t19_the_same_form_sent_twice_ends_on_the_success_page(enrolled, bnum):
    form = code_form(enrolled.get(VERIFY))
    form["code"] = code()
    twin = Browser()
    for name, value in enrolled.cookies.items():
        twin.set_cookie(name, value)
    first, second = form.submit(), twin.post(VERIFY, form.submit_fields(), expect_errors=True)
    assert (first.status_int, second.status_int) == (303, 303)
    assert (is_two_factor(enrolled), is_two_factor(twin)) == (True, True)
    assert device().failures == 0


def test_e12_the_code_that_raised_the_session_does_not_remove_the_method(enrolled):
    enrolled.send_code(VERIFY, code())
    assert enrolled.send_code(REMOVE, code()).status_int == 200
    assert device().confirmed


def test_e13_a_fresh_code_removes_it(enrolled, clock):
    enrolled.send_code(VERIFY, code())
    clock.shift(60)
    assert enrolled.send_code(REMOVE, code()).location == "/compte/"
    assert not device().confirmed
    assert not is_two_factor(enrolled)


def test_t09_wrong_codes_are_counted_then_the_bnum_is_not_asked_any_more(enrolled, bnum):
    statuses = [enrolled.send_code(VERIFY, wrong_code()).status_int for _ in range(FREE_TRIES + 2)]
    assert statuses == [200] * FREE_TRIES + [429] * 2
    asked = len(bnum.asked)
    assert enrolled.send_code(VERIFY, code()).status_int == 429
    assert len(bnum.asked) == asked
    assert not is_two_factor(enrolled)


def test_a_good_code_ends_the_count(enrolled, clock):
    enrolled.send_code(VERIFY, wrong_code())
    enrolled.send_code(VERIFY, code())
    assert device().failures == 0


@pytest.mark.parametrize("mode", ["late_slow", "late_reset", "late_error", "late_html", "late_empty", "late_garbage"])
@pytest.mark.parametrize("page", [VERIFY, REMOVE])
def test_f09_f10_a_bnum_that_does_not_answer_is_a_503_that_counts_nothing(enrolled, bnum, mode, page):
    form = code_form(enrolled.get(page))
    form["code"] = code()
    bnum.mode = mode
    answer_ = form.submit(expect_errors=True)
    assert (answer_.status_int, answer_.headers["Retry-After"]) == (503, "60")
    assert "Aucun essai n’a été compté." in html.unescape(answer_.text)
    assert answer_.html.find("a", string="Réessayer")["href"] == page
    assert (device().failures, device().locked_until, device().confirmed) == (0, None, True)
    assert not is_two_factor(enrolled)


def test_f09_the_enrolment_says_so_too_and_resumes_by_itself(signed_in, bnum):
    page = signed_in.get(ADD)
    bnum.mode = "late_reset"
    assert signed_in.send_code(page, code()).status_int == 503
    assert (device().failures, device().confirmed) == (0, False)
    bnum.mode = "good"
    assert signed_in.send_code(page, code()).status_int == 303
    assert device().confirmed


def test_f09_a_wait_that_ran_out_is_not_begun_anew_by_a_fault(enrolled, bnum, clock):
    for _ in range(FREE_TRIES):
        enrolled.send_code(VERIFY, wrong_code())
    clock.shift(120)
    page = enrolled.get(VERIFY)
    bnum.mode = "late_reset"
    assert enrolled.send_code(page, code()).status_int == 503
    bnum.mode = "good"
    assert enrolled.send_code(page, code()).status_int == 303


def test_e09_a_second_tab_says_already_active_and_costs_no_code(signed_in, bnum, clock):
    first, second = signed_in.get(ADD), signed_in.get(ADD)
    signed_in.send_code(first, code())
    asked = len(bnum.asked)
    clock.shift(60)
    again = signed_in.send_code(second, code())
    assert again.status_int in (303, 302, 403)
    assert len(bnum.asked) == asked
    assert device().failures == 0


def test_a_site_that_gives_secrets_from_now_on_asks_to_confirm_them(enrolled, settings):
    put_on_bnum(CAMILLE)
    settings.MELOTP_SOURCE = "database"
    assert enrolled.send_code(VERIFY, code()).location.startswith(RENEW)
    form = code_form(enrolled.get(RENEW))
    form["password"], form["code"] = PASSWORD, code()
    form.submit()
    assert is_two_factor(enrolled)
    assert device().has_seed(CAMILLE_SECRET.encode())


@pytest.fixture
def agent_with_old_seed(bnum, browser):
    """Return the browser of an agent whose seed is still kept here, but renewed at the Bnum."""
    bnum.secrets[CAMILLE] = "a-new-secret-of-bnum"
    activate_otp_mel(make_agent(CAMILLE))
    browser.sign_in()
    return browser


def test_e14_a_secret_kept_before_the_site_verified_codes_itself_serves_no_more(agent_with_old_seed):
    agent_with_old_seed.send_code(VERIFY, code(CAMILLE_SECRET))
    assert not is_two_factor(agent_with_old_seed)


def test_e14_the_bnums_own_does_and_the_kept_one_is_forgotten(agent_with_old_seed):
    agent_with_old_seed.send_code(VERIFY, code("a-new-secret-of-bnum"))
    assert is_two_factor(agent_with_old_seed)
    assert device().sealed_seed == ""


def test_e14_sync_does_not_revive_a_secret_of_which_the_source_says_nothing(agent_with_old_seed):
    OtpMelDevice.objects.update(changed_at=NOW)
    call_command("sync_seeds", stdout=StringIO())
    assert device().changed_at == NOW
