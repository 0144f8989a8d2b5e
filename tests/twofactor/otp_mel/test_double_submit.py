"""A form sent twice: the second sending, still with the old cookies, ends like the first and costs nothing."""

from datetime import timedelta

import pytest

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.people import answer, code, code_form, copy_browser, device, is_two_factor, wrong_code
from twofactor.throttle import FREE_TRIES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
VERIFY, ADD, REMOVE = "/verification/", "/compte/deux-facteurs/otp-mel/", "/compte/deux-facteurs/otp-mel/retirer/"


def send(browser, form, typed):
    form["code"] = typed
    fields = form.submit_fields()
    return browser.post(form.action or form.response.request.path_qs, fields, expect_errors=True)


def send_twice(browser, page, first, second=None):
    """Send a form twice; return the second response and its browser, which never got the first one."""
    form = code_form(browser.get(page))
    twin = copy_browser(browser)
    send(browser, form, first)
    return send(twin, form, second or first), twin


def test_t19_a_code_sent_twice_verifies_once_and_both_answers_lead_on(enrolled_browser):
    answer, twin = send_twice(enrolled_browser, f"{VERIFY}?next=/aide/", code())
    assert (answer.status_int, answer.location) == (303, "/aide/")
    assert is_two_factor(twin)
    assert device().failures == 0
    assert AuditEvent.objects.filter(name=Event.SECOND_FACTOR_ACCEPTED).count() == 1


def test_t19_a_code_sent_twice_leads_to_the_application_twice(browser, enrolled, piag):
    asked = browser.follow_inside(browser.sign_in(page=browser.follow_inside(browser.authorize())))
    again, twin = send_twice(browser, asked.request.path_qs, code())
    assert answer(twin.follow_inside(again))["code"]


def test_t19_a_code_sent_twice_enrols_once_and_both_answers_say_so(browser, camille):
    browser.sign_in()
    answer, twin = send_twice(browser, ADD, code())
    assert "activée avec succès" in twin.follow_inside(answer)
    assert is_two_factor(twin)
    assert device().failures == 0
    assert AuditEvent.objects.filter(name=Event.OTP_MEL_ADDED).count() == 1


def test_t19_the_second_sending_has_no_more_rights_than_the_first_answer(enrolled_browser):
    """The twin continues the very session that the first sending raised: there is still one session."""
    _, twin = send_twice(enrolled_browser, VERIFY, code())
    assert twin.cookies["cerbere_session"] == enrolled_browser.cookies["cerbere_session"]


def test_an_old_cookie_without_the_code_gets_nothing(enrolled_browser):
    answer, twin = send_twice(enrolled_browser, VERIFY, code(), wrong_code())
    assert answer.location.startswith("/connexion/")
    assert twin.get("/compte/").location.startswith("/connexion/")


@pytest.mark.parametrize("steps", [-1, 1])
def test_an_old_cookie_with_another_valid_code_gets_nothing(enrolled_browser, steps):
    answer, twin = send_twice(enrolled_browser, VERIFY, code(), code(steps=steps))
    assert answer.location.startswith("/connexion/")
    assert twin.get("/compte/").location.startswith("/connexion/")


def test_t10_codes_guessed_with_an_old_cookie_are_counted_and_bounded(enrolled_browser):
    """Whoever stole the cookie before the code was typed must not guess that code without limit."""
    form = code_form(enrolled_browser.get(VERIFY))
    thief, old = copy_browser(enrolled_browser), enrolled_browser.cookies["cerbere_session"]
    send(enrolled_browser, form, code())
    for _ in range(FREE_TRIES):
        thief.set_cookie("cerbere_session", old)
        send(thief, form, wrong_code())
    assert device().failures == FREE_TRIES
    thief.set_cookie("cerbere_session", old)
    assert send(thief, form, code()).location.startswith("/connexion/")
    assert AuditEvent.objects.filter(name=Event.SECOND_FACTOR_REFUSED, detail__reason="wrong").count() == FREE_TRIES


def test_an_old_cookie_dies_after_ten_seconds(enrolled_browser, clock):
    form = code_form(enrolled_browser.get(VERIFY))
    twin = copy_browser(enrolled_browser)
    send(enrolled_browser, form, code())
    clock.shift(timedelta(seconds=10))
    assert send(twin, form, code()).location.startswith("/connexion/")


def test_an_old_cookie_serves_forms_only(enrolled_browser):
    twin = copy_browser(enrolled_browser)
    enrolled_browser.send_code(VERIFY, code())
    assert twin.get(f"{VERIFY}?code={code()}").location.startswith("/connexion/")
    assert twin.get("/compte/").location.startswith("/connexion/")


def test_a_removed_method_gives_nothing_to_an_old_cookie(enrolled_browser, clock):
    form = code_form(enrolled_browser.get(VERIFY))
    twin = copy_browser(enrolled_browser)
    send(enrolled_browser, form, code())
    device().remove()
    assert send(twin, form, code()).location.startswith("/connexion/")


def test_a_removal_sent_twice_removes_once_and_the_second_needs_a_new_login(enrolled_browser):
    answer, _ = send_twice(enrolled_browser, REMOVE, code())
    assert answer.location.startswith("/connexion/")
    assert AuditEvent.objects.filter(name=Event.OTP_MEL_REMOVED).count() == 1
    assert (device().confirmed, device().failures) == (False, 0)


def test_e15_a_code_that_has_just_verified_this_session_does_not_remove_the_method(enrolled_browser):
    """One code, one act: who tricks the agent out of one code cannot use it twice."""
    enrolled_browser.send_code(VERIFY, code())
    assert enrolled_browser.send_code(REMOVE, code()).status_int == 200
    assert device().confirmed
    assert device().failures == 1
