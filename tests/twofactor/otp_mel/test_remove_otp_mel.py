"""Removing OTP Mél: by the agent with a fresh code, by the helpdesk with a reason."""

import html
from datetime import timedelta

import pytest
from django.core import mail

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.admin import sign_in_staff
from tests.support.people import Browser, code, device, is_two_factor, make_agent, wrong_code
from tests.support.worker import run_worker
from twofactor.otp_mel.remove_otp_mel import remove_otp_mel_as_admin

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
VERIFY, ADD, REMOVE = "/verification/", "/compte/deux-facteurs/otp-mel/", "/compte/deux-facteurs/otp-mel/retirer/"


@pytest.fixture
def raised(two_factor_browser, clock):
    """Return a browser that has been at two factors for a minute."""
    clock.shift(timedelta(minutes=1))
    return two_factor_browser


def remove_as_admin(admin, reason="Téléphone perdu, agent vu au guichet"):
    forms = admin.get(f"/admin/twofactor/otpmeldevice/{device().pk}/retirer/").forms
    form = next(form for form in forms.values() if "reason" in form.fields)
    form["reason"] = reason
    return form.submit(expect_errors=True)


def test_e15_two_factors_alone_do_not_remove_the_method(raised):
    assert "Saisissez le code à 6 chiffres." in raised.send_code(REMOVE, "")
    assert raised.send_code(REMOVE, wrong_code()).status_int == 200
    assert device().confirmed


def test_e15_a_fresh_code_removes_it_and_the_page_says_so(raised):
    answer = raised.follow_inside(raised.send_code(REMOVE, code()))
    assert "La méthode OTP Mél est retirée." in html.unescape(answer.text)
    assert "Non activée" in answer
    assert not device().confirmed


def test_e13_every_session_of_the_agent_falls_to_the_password_at_once(raised, clock):
    other = Browser("198.51.100.7")
    other.sign_in()
    other.send_code(VERIFY, code())
    assert is_two_factor(other)
    clock.shift(timedelta(seconds=30))
    raised.send_code(REMOVE, code())
    assert not is_two_factor(raised)
    assert not is_two_factor(other)


def test_e13_old_facts_stay_dead_when_the_method_is_added_again(raised, clock):
    other = Browser("198.51.100.7")
    other.sign_in()
    other.send_code(VERIFY, code())
    clock.shift(timedelta(seconds=30))
    raised.send_code(REMOVE, code())
    clock.shift(timedelta(seconds=30))
    raised.send_code(ADD, code())
    assert is_two_factor(raised)
    assert not is_two_factor(other)


def test_e13_a_client_of_two_factors_is_refused_after_the_removal(raised, piag):
    assert "code" in raised.authorize().location
    raised.send_code(REMOVE, code())
    assert raised.follow_inside(raised.authorize()).status_int == 403


def test_removing_forgets_the_seed_and_keeps_the_replay_memory(raised):
    typed = code()
    raised.send_code(REMOVE, typed)
    assert device().sealed_seed == ""
    assert raised.send_code(ADD, typed).status_int == 200
    assert not device().confirmed


def test_removing_rotates_the_session_key_and_the_csrf_token(raised):
    before = dict(raised.cookies)
    raised.send_code(REMOVE, code())
    after = raised.cookies
    assert all(before[name] != after[name] for name in ("cerbere_session", "cerbere_csrf"))


def test_e13_the_agent_is_told_by_mail(raised):
    raised.send_code(REMOVE, code())
    run_worker()
    [message] = mail.outbox
    assert message.to == ["camille.durand@example.fr"]
    assert message.subject == "Méthode à deux facteurs retirée"
    assert "a été retirée de votre compte Cerbère le 24/11/2026 à 10:01" in message.body
    assert "administrateur" not in message.body


def test_e13_the_audit_log_has_the_removal(raised):
    raised.send_code(REMOVE, code())
    event = AuditEvent.objects.get(name=Event.OTP_MEL_REMOVED)
    assert (event.agent, event.actor, event.address) == ("camille.durand", "", "192.0.2.10")


def test_a_wrong_code_at_removal_is_in_the_audit_log_with_its_reason(raised):
    raised.send_code(REMOVE, wrong_code())
    assert AuditEvent.objects.get(name=Event.SECOND_FACTOR_REFUSED).detail["reason"] == "wrong"


def test_nothing_to_remove_leads_to_the_account(browser, camille):
    browser.sign_in()
    assert browser.get(REMOVE).location == "/compte/"


def test_a03_the_helpdesk_removes_with_a_reason_that_agent_and_audit_log_receive(raised, chief):
    remove_as_admin(chief)
    run_worker()
    assert not is_two_factor(raised)
    event = AuditEvent.objects.get(name=Event.OTP_MEL_REMOVED_BY_ADMIN)
    assert (event.agent, event.actor) == ("camille.durand", "chief")
    assert event.detail["reason"] == "Téléphone perdu, agent vu au guichet"
    [message] = mail.outbox
    assert message.to == ["camille.durand@example.fr"]
    assert "Elle a été retirée par un administrateur. Motif : Téléphone perdu, agent vu au guichet" in message.body


def test_a03_no_removal_without_a_reason(raised, chief):
    assert remove_as_admin(chief, "  ").status_int == 200
    assert device().confirmed


def test_a04_staff_without_the_right_removes_nothing(raised, db):
    admin = sign_in_staff("help.desk")
    page = admin.get(f"/admin/twofactor/otpmeldevice/{device().pk}/retirer/", expect_errors=True)
    assert page.status_int == 403


def test_a02_no_page_of_the_administration_shows_the_seed(raised, chief):
    for page in ("", f"{device().pk}/change/", f"{device().pk}/retirer/"):
        assert device().sealed_seed not in chief.get(f"/admin/twofactor/otpmeldevice/{page}")


def test_a_removal_by_the_helpdesk_that_comes_second_does_nothing(raised):
    stale = device()
    raised.send_code(REMOVE, code())
    remove_otp_mel_as_admin(stale, make_agent("second.chief"), "trop tard")
    assert not AuditEvent.objects.filter(name=Event.OTP_MEL_REMOVED_BY_ADMIN).exists()
