"""A secret that was renewed or withdrawn on the Bnum after the enrolment (row E14): noticed, told, confirmed anew."""

import html
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import CommandError
from django.db import transaction

from accounts.models import AgentSession
from cerbere.audit.events import Event
from tests.support.people import (
    CAMILLE_SECRET,
    DOMINIQUE_SECRET,
    NOW,
    PASSWORD,
    Browser,
    answer,
    code,
    code_form,
    device,
    is_two_factor,
    put_on_bnum,
    wrong_code,
)
from tests.support.renewal import CHANGED, NEW_SECRET, REMOVE, RENEW, VERIFY, events, renew, sync, take_from_bnum
from tests.support.worker import run_worker
from twofactor.codes import Outcome
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.models import ImportedSeed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_e14_a_code_of_the_new_secret_leads_to_the_page_that_says_so(browser, renewed):
    browser.sign_in()
    refused = browser.send_code(f"{VERIFY}?next=/aide/", code(NEW_SECRET))
    assert (refused.status_int, refused.location) == (303, f"{RENEW}?next=%2Faide%2F")
    page = refused.follow()
    assert CHANGED in html.unescape(page.text)
    assert device().failures == 0, "the agent's code was right: nothing is counted"
    assert Event.OTP_MEL_CHANGED in events()


def test_e14_password_and_new_code_confirm_it_and_lead_on(browser, renewed):
    browser.sign_in()
    browser.send_code(VERIFY, code(NEW_SECRET))
    done = renew(browser, code(NEW_SECRET), page=f"{RENEW}?next=/aide/")
    assert (done.status_int, "next=%2Faide%2F" in done.location) == (303, True)
    assert is_two_factor(browser)
    assert device().has_seed(NEW_SECRET.encode())
    assert device().changed_at is None
    assert Event.OTP_MEL_RENEWED in events()


def test_e14_the_old_code_is_refused_from_then_on(browser, renewed):
    browser.sign_in()
    sync()
    other = Browser("198.51.100.7")
    other.sign_in()
    assert other.get(VERIFY).location.startswith(RENEW)
    assert renew(other, code(CAMILLE_SECRET)).status_int == 200
    assert not is_two_factor(other)
    assert device().failures == 1


def test_e14_a_form_that_was_open_when_it_changed_is_refused_without_evaluation(browser, renewed):
    browser.sign_in()
    page = browser.get(VERIFY)
    sync()
    assert browser.send_code(page, code(CAMILLE_SECRET)).location.startswith(RENEW)
    assert not is_two_factor(browser)
    assert device().last_step == -1


def test_e14_the_old_secret_works_until_the_change_is_noticed_and_its_sessions_stay(browser, renewed):
    browser.sign_in()
    browser.send_code(VERIFY, code(CAMILLE_SECRET))
    assert is_two_factor(browser)
    sync()
    assert is_two_factor(browser)


def test_e14_once_confirmed_every_other_session_falls_to_the_password(browser, renewed):
    thief = Browser("198.51.100.7")
    thief.sign_in()
    thief.send_code(VERIFY, code(CAMILLE_SECRET))
    browser.sign_in()
    sync()
    renew(browser, code(NEW_SECRET, steps=1))
    assert (is_two_factor(browser), is_two_factor(thief)) == (True, False)


def test_e14_an_application_gets_its_level_after_the_confirmation(browser, renewed, piag):
    page = browser.sign_in(page=browser.follow_inside(browser.authorize()))
    code_page = browser.follow_inside(page)
    changed = browser.follow_inside(browser.send_code(code_page, code(NEW_SECRET)))
    assert CHANGED in html.unescape(changed.text)
    form = code_form(changed)
    form["password"], form["code"] = PASSWORD, code(NEW_SECRET)
    success = browser.follow_inside(form.submit())
    assert answer(browser.follow_inside(success.click("Continuer vers PIAG")))["code"]


@pytest.mark.parametrize("password", ["wrong", "", "x" * 5000])
def test_a_stolen_phone_is_not_enough_to_confirm(browser, renewed, password):
    browser.sign_in()
    sync()
    answer_ = renew(browser, code(NEW_SECRET), password)
    assert answer_.status_int == 200
    assert not is_two_factor(browser)
    assert device().last_step == -1, "the code was not looked at"


def test_wrong_passwords_are_counted_with_those_of_the_login_page(browser, renewed):
    browser.sign_in()
    sync()
    answers = [renew(browser, code(NEW_SECRET), "wrong").status_int for _ in range(8)]
    assert answers == [200] * 7 + [429]
    assert browser.sign_in().status_int == 429


def test_a_wrong_code_keeps_the_state_and_overwrites_nothing(browser, renewed):
    browser.sign_in()
    sync()
    renew(browser, wrong_code(NEW_SECRET))
    assert device().has_seed(CAMILLE_SECRET.encode())
    assert device().changed_at is not None
    assert sync() == "still_changed: 1"


def test_a_secret_that_is_withdrawn_is_noticed_and_told(browser, enrolled):
    take_from_bnum()
    browser.sign_in()
    browser.send_code(VERIFY, wrong_code())
    page = browser.get(RENEW)
    assert "aucune application n’est enregistrée pour vous sur le Bnum" in html.unescape(page.text)
    browser.reset()
    browser.sign_in()
    assert browser.get(VERIFY).location.startswith(RENEW)


def test_a_wrong_code_of_an_unchanged_secret_is_counted_as_ever(browser, enrolled):
    browser.sign_in()
    assert browser.send_code(VERIFY, wrong_code()).status_int == 200
    assert device().failures == 1
    assert Event.OTP_MEL_CHANGED not in events()


def test_the_bnum_down_changes_nothing(browser, renewed, settings):
    settings.MELOTP_TABLE = "no_such_table"
    browser.sign_in()
    assert browser.send_code(VERIFY, code(NEW_SECRET)).status_int == 200
    with pytest.raises(CommandError, match="does not answer"):
        sync()
    assert device().changed_at is None


def test_the_bnum_down_during_the_confirmation_is_a_503_and_counts_nothing(browser, renewed, settings):
    browser.sign_in()
    sync()
    page = browser.get(RENEW)
    settings.MELOTP_TABLE = "no_such_table"
    form = code_form(page)
    form["password"], form["code"] = PASSWORD, code(NEW_SECRET)
    assert form.submit(expect_errors=True).status_int == 503
    assert device().failures == 0


def test_the_account_page_and_the_other_acts_lead_to_the_confirmation(browser, renewed):
    browser.sign_in()
    sync()
    account = browser.get("/compte/")
    assert CHANGED in html.unescape(account.text)
    assert "À confirmer" in account
    for page in (VERIFY, REMOVE, "/compte/deux-facteurs/otp-mel/"):
        assert browser.get(page).location == RENEW


def test_nothing_to_confirm_leads_to_the_account_page(browser, enrolled):
    browser.sign_in()
    assert browser.get(RENEW).location == "/compte/"
    assert Browser().get(RENEW).location.startswith("/connexion/")


def test_a_second_tab_that_confirms_too_ends_on_a_usable_page(browser, renewed):
    browser.sign_in()
    sync()
    first, second = code_form(browser.get(RENEW)), code_form(browser.get(RENEW))
    for form in (first, second):
        form["password"], form["code"] = PASSWORD, code(NEW_SECRET)
    first.submit()
    again = second.submit(expect_errors=True)
    assert again.status_int in (303, 403), "the account page, or « ouvrez la page de nouveau »"
    assert is_two_factor(browser)


def test_the_agent_is_mailed_once_when_it_is_noticed_and_when_it_is_confirmed(browser, renewed):
    sync()
    sync()
    browser.sign_in()
    renew(browser, code(NEW_SECRET))
    run_worker()
    subjects = {message.subject for message in mail.outbox}
    assert subjects == {CHANGED, "Authentification à deux facteurs : configuration confirmée"}
    assert len(mail.outbox) == 2
    assert NEW_SECRET not in "".join(message.body for message in mail.outbox)


def test_e14_no_lockout_however_often_the_new_code_is_typed(browser, renewed, clock):
    for _ in range(8):
        browser.sign_in()
        page = browser.follow_inside(browser.get(VERIFY))
        if "password" not in code_form(page).fields:
            browser.send_code(page, code(NEW_SECRET))
        clock.shift(timedelta(seconds=30))
    assert (device().failures, device().locked_until) == (0, None)
    assert renew(browser, code(NEW_SECRET)).status_int == 303


def test_the_session_that_confirms_keeps_its_sid(browser, renewed):
    browser.sign_in()
    before = AgentSession.objects.get().sid
    sync()
    renew(browser, code(NEW_SECRET))
    assert AgentSession.objects.get().sid == before


def test_the_row_itself_refuses_a_code_of_the_old_secret(renewed):
    """Whatever the page knew when it was sent: what counts is the row under its lock."""
    sync()
    with transaction.atomic():
        locked = OtpMelDevice.lock_for_agent(renewed)
        assert locked.check_and_burn(code(CAMILLE_SECRET), None, NOW) is Outcome.SECRET_CHANGED
    assert device().last_step == -1


def test_guesses_while_the_bnum_locks_and_unlocks_are_counted(browser, enrolled):
    """Whoever can have the account locked there (wrong codes) must not get uncounted tries here by it."""
    for _ in range(3):
        browser.sign_in()
        page = browser.get(VERIFY)
        put_on_bnum("camille.durand", locked=1)
        browser.send_code(page, wrong_code())
        put_on_bnum("camille.durand")
        sync()
    assert device().failures == 3


def test_one_damaged_import_closes_the_source_to_nobody_else(browser, camille, dominique, settings):
    settings.MELOTP_SOURCE = "imported"
    for agent in (camille, dominique):
        imported = ImportedSeed(agent=agent, imported_at=NOW)
        imported.seal(DOMINIQUE_SECRET.encode())
        imported.save()
    ImportedSeed.objects.filter(agent=camille).update(sealed_seed="gone:AAAA")
    browser.sign_in()
    for _ in range(7):
        browser.get("/compte/")
    other = Browser("198.51.100.9")
    other.sign_in("dominique.morel")
    assert other.get("/compte/deux-facteurs/otp-mel/").status_int == 200


def test_t19_the_same_confirmation_sent_twice_ends_on_the_success_page(browser, renewed):
    browser.sign_in()
    sync()
    form = code_form(browser.get(RENEW))
    form["password"], form["code"] = PASSWORD, code(NEW_SECRET)
    twin = Browser()
    for name, value in browser.cookies.items():
        twin.set_cookie(name, value)
    first, second = form.submit(), twin.post(RENEW, form.submit_fields(), expect_errors=True)
    assert first.location == second.location
    assert (is_two_factor(browser), is_two_factor(twin)) == (True, True)
