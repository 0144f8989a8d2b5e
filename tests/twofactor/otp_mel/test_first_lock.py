"""The mail that tells an agent of wrong codes, once for each run of them."""

from datetime import timedelta

import pytest
from django.core import mail

from tests.support.people import Browser, code, wrong_code
from tests.support.worker import run_worker
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.throttle import FREE_TRIES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
VERIFY, ADD, REMOVE = "/verification/", "/compte/deux-facteurs/otp-mel/", "/compte/deux-facteurs/otp-mel/retirer/"


@pytest.fixture
def thief(enrolled):
    """Return the browser of a thief who has Camille's password."""
    browser = Browser("203.0.113.66")
    browser.sign_in()
    return browser


def guess(browser, times, page=VERIFY):
    for _ in range(times):
        browser.send_code(page, wrong_code())


def mails():
    run_worker()
    return [message.subject for message in mail.outbox]


def test_the_first_lock_is_told_by_mail(thief):
    guess(thief, FREE_TRIES - 1)
    assert mails() == []
    guess(thief, 1)
    run_worker()
    [message] = mail.outbox
    assert (message.to, message.subject) == (["camille.durand@example.fr"], "Codes incorrects pour votre compte")
    assert "pour la méthode OTP Mél de votre compte Cerbère, le dernier le 24/11/2026 à 10:00." in message.body
    assert "changez votre mot de passe" in message.body
    assert "assistance@example.fr" in message.body


def test_the_locks_that_follow_are_not_told_again(thief, clock):
    guess(thief, FREE_TRIES)
    guess(thief, 2)
    assert OtpMelDevice.objects.get().failures == FREE_TRIES, "tries during the lock"
    for _ in range(3):
        clock.shift(timedelta(minutes=20))
        guess(thief, 1)
    assert OtpMelDevice.objects.get().failures == FREE_TRIES + 3
    assert len(mails()) == 1


def test_a_right_code_ends_the_run_and_the_next_one_is_told(thief, clock):
    for _ in range(2):
        guess(thief, FREE_TRIES)
        clock.shift(timedelta(minutes=2))
        thief.send_code(VERIFY, code())
        clock.shift(timedelta(minutes=2))
    assert len(mails()) == 2


def test_wrong_codes_at_the_enrolment_are_told_too(browser, camille):
    browser.sign_in()
    guess(browser, FREE_TRIES, ADD)
    assert len(mails()) == 1


def test_wrong_codes_count_together_whatever_the_page(thief):
    guess(thief, FREE_TRIES - 1)
    guess(thief, 1, REMOVE)
    assert len(mails()) == 1


def test_codes_of_a_clock_that_went_back_are_told_to_nobody(thief):
    OtpMelDevice.objects.update(failures=FREE_TRIES, last_step=2**40)
    guess(thief, 1)
    assert OtpMelDevice.objects.get().last_refusal == "clock_went_back"
    assert mails() == []
