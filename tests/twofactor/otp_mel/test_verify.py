"""Proving the active method: which codes are accepted, for whom, and how often."""

import html
from datetime import timedelta

import pytest

from tests.support.people import (
    CAMILLE_SECRET,
    DOMINIQUE_SECRET,
    NOW,
    Browser,
    activate_otp_mel,
    code,
    code_form,
    is_two_factor,
    wrong_code,
)
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
VERIFY = "/verification/"
REFUSED = (
    "Code incorrect ou déjà utilisé. Attendez le code suivant, "
    "et vérifiez que l’heure de votre téléphone est réglée automatiquement."
)


def failures(uid="camille.durand"):
    return OtpMelDevice.objects.get(user__uid=uid).failures


def is_refused(response):
    return response.status_int == 200 and REFUSED in html.unescape(response.text)


def test_t01_the_code_of_now_raises_the_session_once(enrolled_browser):
    assert not is_two_factor(enrolled_browser)
    answer = enrolled_browser.send_code(VERIFY, code())
    assert (answer.status_int, answer.location) == (303, "/compte/")
    assert is_two_factor(enrolled_browser)


def test_t01_the_same_code_is_refused_to_another_session(enrolled_browser):
    enrolled_browser.send_code(VERIFY, code())
    other = Browser("198.51.100.7")
    other.sign_in()
    assert is_refused(other.send_code(VERIFY, code()))
    assert not is_two_factor(other)
    assert failures() == 1


@pytest.mark.parametrize("steps", range(-3, 4))
@pytest.mark.parametrize("tolerance", [0, 1, 2])
def test_t02_only_the_documented_window_is_accepted(enrolled_browser, settings, tolerance, steps):
    settings.OTP_TOLERANCE = tolerance
    answer = enrolled_browser.send_code(VERIFY, code(steps=steps))
    assert is_two_factor(enrolled_browser) is (abs(steps) <= tolerance)
    assert is_refused(answer) is (abs(steps) > tolerance)


@pytest.mark.parametrize("typed", ["123", "+{}", "0{}", "{}0", "{}_", "12a456", "١٢٣٤٥٦", " "])
def test_t03_what_is_not_six_digits_is_told_and_not_counted(enrolled_browser, typed):
    answer = enrolled_browser.send_code(VERIFY, typed.format(code()))
    assert "Le code doit comporter 6 chiffres." in answer or "Saisissez le code à 6 chiffres." in answer
    assert not is_two_factor(enrolled_browser)
    assert failures() == 0


def test_g03_a_pasted_code_with_a_space_is_accepted(enrolled_browser):
    enrolled_browser.send_code(VERIFY, f" {code()[:3]} {code()[3:]} ")
    assert is_two_factor(enrolled_browser)


def test_t05_an_older_code_of_the_window_is_refused_after_a_newer_one(enrolled_browser):
    enrolled_browser.send_code(VERIFY, code())
    other = Browser("198.51.100.7")
    other.sign_in()
    assert is_refused(other.send_code(VERIFY, code(steps=-1)))
    assert not is_two_factor(other)


def test_t14_the_window_does_not_follow_a_phone_that_drifts(enrolled_browser, clock):
    """At the n-th try the phone is n steps slow. Accepting the first must not make the second acceptable."""
    accepted = []
    for drift in (-1, -2, -3, -4):
        answer = enrolled_browser.send_code(VERIFY, code(steps=drift))
        accepted.append(not is_refused(answer))
        clock.shift(timedelta(minutes=5))
    assert accepted == [True, False, False, False]


def test_t15_another_agents_code_is_refused_and_counted_on_the_sessions_agent(enrolled_browser, dominique):
    activate_otp_mel(dominique, DOMINIQUE_SECRET)
    assert is_refused(enrolled_browser.send_code(VERIFY, code(DOMINIQUE_SECRET)))
    assert not is_two_factor(enrolled_browser)
    assert (failures("camille.durand"), failures("dominique.morel")) == (1, 0)


@pytest.mark.parametrize("name", ["user", "uid", "agent", "device"])
def test_t16_a_user_or_device_in_the_form_or_address_is_ignored(enrolled_browser, dominique, name):
    device = activate_otp_mel(dominique, DOMINIQUE_SECRET)
    form = code_form(enrolled_browser.get(VERIFY))
    for value in (dominique.pk, dominique.uid, device.pk, device.uuid):
        fields = {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"].value, "code": code(DOMINIQUE_SECRET)}
        assert is_refused(enrolled_browser.post(f"{VERIFY}?{name}={value}", fields | {name: str(value)}))
    assert (failures("camille.durand"), failures("dominique.morel")) == (4, 0)


def test_t17_a_code_before_the_password_is_not_evaluated(browser, enrolled):
    token = browser.get("/connexion/").forms[0]["csrfmiddlewaretoken"].value
    for typed in (code(), wrong_code()):
        answer = browser.post(VERIFY, {"code": typed, "csrfmiddlewaretoken": token})
        assert answer.status_int in (302, 303)
        assert answer.location.startswith("/connexion/?next=/verification/")
    device = OtpMelDevice.objects.get()
    assert (device.failures, device.last_step) == (0, -1)


def test_f06_a_burnt_step_stays_burnt_when_the_clock_goes_back(enrolled_browser, clock):
    typed = code()
    enrolled_browser.send_code(VERIFY, typed)
    for back in (30, 60, 3600):
        clock.move_to(NOW - timedelta(seconds=back))
        other = Browser("198.51.100.7")
        other.sign_in()
        assert is_refused(other.send_code(VERIFY, typed))
        assert not is_two_factor(other)


def test_f06_a_clock_that_went_back_an_hour_locks_nobody(enrolled_browser, clock, caplog):
    """The server's clock is wrong, not the agent: nothing is counted, the operator is told."""
    enrolled_browser.send_code(VERIFY, code())
    clock.move_to(NOW - timedelta(hours=1))
    other = Browser("198.51.100.7")
    other.sign_in()
    answers = [other.send_code(VERIFY, code(steps=step)) for step in (0, -1, 0, 1, 0, 0, 0)]
    assert all(is_refused(answer) for answer in answers)
    assert failures() == 0
    assert "clock_went_back" in caplog.text
    clock.move_to(NOW + timedelta(minutes=1))
    other.send_code(VERIFY, code())
    assert is_two_factor(other)


def test_f07_a_node_forty_seconds_late_neither_accepts_the_code_again_nor_counts_it(enrolled_browser, clock):
    typed = code(steps=1)
    enrolled_browser.send_code(VERIFY, typed)
    clock.shift(timedelta(seconds=-40))
    other = Browser("198.51.100.7")
    other.sign_in()
    assert is_refused(other.send_code(VERIFY, typed))
    assert not is_two_factor(other)
    assert failures() == 0


def test_f08_a_code_read_at_the_end_of_its_step_is_accepted_after_it(enrolled_browser, clock):
    clock.move_to(NOW + timedelta(seconds=29.9))
    typed = code()
    clock.shift(timedelta(seconds=29.9))
    assert typed == code(steps=-1)
    enrolled_browser.send_code(VERIFY, typed)
    assert is_two_factor(enrolled_browser)


def test_an_agent_without_an_active_method_has_nothing_to_verify(browser, camille):
    browser.sign_in()
    assert browser.get(VERIFY).location == "/compte/"


def test_the_code_leads_to_next_inside_the_site_only(enrolled_browser, clock):
    inside = enrolled_browser.send_code(enrolled_browser.get(f"{VERIFY}?next=/aide/"), code())
    assert inside.location == "/aide/"
    clock.shift(timedelta(seconds=30))
    outside = enrolled_browser.send_code(
        enrolled_browser.get(f"{VERIFY}?next=https://evil.test/"), code(CAMILLE_SECRET)
    )
    assert outside.location == "/compte/"
