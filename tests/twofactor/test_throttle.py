"""Wrong codes: one counter an agent, whatever the page, the session or the address."""

import html
from datetime import timedelta

import pytest

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.people import (
    NOW,
    Browser,
    activate_otp_mel,
    code,
    code_form,
    device,
    is_two_factor,
    make_agent,
    wrong_code,
)
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.throttle import CEILING, FREE_TRIES, compute_wait_end

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
VERIFY, ADD, REMOVE = "/verification/", "/compte/deux-facteurs/otp-mel/", "/compte/deux-facteurs/otp-mel/retirer/"


def fail(browser, times=1, page=VERIFY):
    return [browser.send_code(page, wrong_code()) for _ in range(times)][-1]


def read_lasting_parts(response):
    """Return the status, the header Retry-After and the text, without the CSRF token."""
    text = response.text.replace(code_form(response)["csrfmiddlewaretoken"].value, "")
    return response.status_int, response.headers["Retry-After"], text


def test_t09_one_counter_for_every_page_session_and_address(enrolled_browser, enrolled):
    fail(enrolled_browser)
    enrolled_browser.send_code(VERIFY, code())
    assert device().failures == 0
    fail(enrolled_browser, page=REMOVE)
    for address in ("198.51.100.7", "2001:db8::7"):
        other = Browser(address)
        other.sign_in()
        fail(other)
    enrolled.is_staff = True
    enrolled.save()
    admin = Browser("203.0.113.9")
    page = admin.follow_inside(admin.sign_in(page=admin.follow_inside(admin.get("/admin/"))))
    assert page.request.path == VERIFY
    fail(admin, page=page)
    assert device().failures == 4


def test_t09_tries_to_enrol_are_counted_too_and_kept_by_the_next_session(browser, camille):
    browser.sign_in()
    fail(browser, 3, ADD)
    other = Browser("198.51.100.7")
    other.sign_in()
    fail(other, 2, ADD)
    assert device().failures == FREE_TRIES
    assert browser.send_code(ADD, code()).status_int == 429
    assert not device().confirmed


def test_t09_removing_and_adding_again_does_not_give_new_tries(enrolled_browser, clock):
    enrolled_browser.send_code(REMOVE, code())
    fail(enrolled_browser, FREE_TRIES, ADD)
    clock.shift(timedelta(seconds=30))
    assert enrolled_browser.send_code(ADD, code()).status_int == 429


def test_h06_another_forwarded_address_at_each_try_changes_nothing(enrolled_browser):
    for number in range(FREE_TRIES):
        enrolled_browser.extra_environ["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{number}"
        fail(enrolled_browser)
    assert fail(enrolled_browser).status_int == 429


def test_t10_no_code_is_evaluated_after_the_free_tries(enrolled_browser):
    answers = [fail(enrolled_browser).status_int for _ in range(FREE_TRIES)]
    assert answers == [200] * FREE_TRIES
    assert fail(enrolled_browser).status_int == 429
    assert enrolled_browser.send_code(VERIFY, code()).status_int == 429
    assert not is_two_factor(enrolled_browser)
    assert device().failures == FREE_TRIES


def test_t11_the_right_code_during_the_wait_looks_like_a_wrong_one_and_changes_nothing(enrolled_browser):
    fail(enrolled_browser, FREE_TRIES)
    before = OtpMelDevice.objects.values().get()
    right, wrong = enrolled_browser.send_code(VERIFY, code()), enrolled_browser.send_code(VERIFY, wrong_code())
    assert read_lasting_parts(right) == read_lasting_parts(wrong)
    assert OtpMelDevice.objects.values().get() == before


def test_t11_the_wait_is_told_to_people_and_programs(enrolled_browser, clock):
    fail(enrolled_browser, FREE_TRIES)
    clock.shift(timedelta(seconds=20))
    answer = fail(enrolled_browser)
    assert "Trop d’essais. Réessayez à 10 h 01." in html.unescape(answer.text)
    assert answer.headers["Retry-After"] == "40"


def test_t12_after_the_wait_one_wrong_code_waits_longer_and_a_right_one_ends_it(enrolled_browser, clock):
    fail(enrolled_browser, FREE_TRIES)
    clock.shift(timedelta(seconds=59))
    assert fail(enrolled_browser).status_int == 429
    clock.shift(timedelta(seconds=1))
    assert fail(enrolled_browser).status_int == 200
    assert device().locked_until == NOW + timedelta(minutes=1 + 2)
    clock.shift(timedelta(minutes=2))
    enrolled_browser.send_code(VERIFY, code())
    assert is_two_factor(enrolled_browser)
    assert (device().failures, device().locked_until) == (0, None)


def test_the_method_closes_after_fifty_failures_until_the_helpdesk_unlocks_it(enrolled_browser, clock):
    OtpMelDevice.objects.update(failures=CEILING - 1)
    fail(enrolled_browser)
    clock.shift(timedelta(hours=1))
    answer = enrolled_browser.send_code(VERIFY, code())
    assert answer.status_int == 429
    assert "Contactez l’assistance de votre service pour débloquer la méthode." in html.unescape(answer.text)
    device().unlock()
    enrolled_browser.send_code(VERIFY, code())
    assert is_two_factor(enrolled_browser)


def test_a03_the_helpdesk_unlocks_in_the_administration_and_the_audit_log_says_who(enrolled_browser):
    fail(enrolled_browser, FREE_TRIES)
    chief = make_agent("chief", is_staff=True, is_superuser=True)
    activate_otp_mel(chief, "a secret of the chief")
    admin = Browser("203.0.113.9")
    admin.sign_in("chief")
    admin.send_code(VERIFY, code("a secret of the chief"))
    form = admin.get("/admin/twofactor/otpmeldevice/").forms["changelist-form"]
    form["action"] = "unlock"
    box = next(box for box in form.fields["_selected_action"] if box._value == str(device().pk))
    box.checked = True
    form.submit("index")
    assert (device().failures, device().locked_until) == (0, None)
    event = AuditEvent.objects.get(name=Event.AGENT_UNLOCKED_BY_ADMIN)
    assert (event.agent, event.actor) == ("camille.durand", "chief")
    enrolled_browser.send_code(VERIFY, code())
    assert is_two_factor(enrolled_browser)


def test_live_sessions_at_two_factors_do_not_suffer_from_somebody_elses_failures(enrolled_browser):
    enrolled_browser.send_code(VERIFY, code())
    thief = Browser("198.51.100.7")
    thief.sign_in()
    fail(thief, FREE_TRIES + 3)
    assert is_two_factor(enrolled_browser)


def test_the_last_wait_repeats():
    now = NOW
    waits = [compute_wait_end(failures, now) for failures in range(4, 12)]
    assert [wait and (wait - now) // timedelta(minutes=1) for wait in waits] == [None, 1, 2, 4, 8, 15, 15, 15]
