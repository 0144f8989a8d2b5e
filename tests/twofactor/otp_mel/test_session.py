"""What a change of level does to the session, and what each outcome leaves in the audit log."""

from datetime import timedelta

import pytest

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.audit import list_reasons
from tests.support.people import CAMILLE_SECRET, NOW, Browser, code, code_form, is_two_factor, wrong_code
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
VERIFY, ADD, REMOVE = "/verification/", "/compte/deux-facteurs/otp-mel/", "/compte/deux-facteurs/otp-mel/retirer/"


def with_session(key):
    browser = Browser()
    browser.set_cookie("cerbere_session", key)
    return browser


def test_verifying_changes_the_session_key_and_the_csrf_token(enrolled_browser):
    before = dict(enrolled_browser.cookies)
    enrolled_browser.send_code(VERIFY, code())
    assert all(before[name] != enrolled_browser.cookies[name] for name in ("cerbere_session", "cerbere_csrf"))


def test_enrolling_changes_the_session_key_and_the_csrf_token(browser, camille):
    browser.sign_in()
    before = dict(browser.cookies)
    browser.enrol()
    assert all(before[name] != browser.cookies[name] for name in ("cerbere_session", "cerbere_csrf"))


def test_c03_a_session_stolen_before_the_code_is_worth_nothing_after_it(enrolled_browser):
    stolen = enrolled_browser.cookies["cerbere_session"]
    assert with_session(stolen).get("/compte/").status_int == 200
    enrolled_browser.send_code(VERIFY, code())
    assert with_session(stolen).get("/compte/").location.startswith("/connexion/")


def test_a_form_of_before_the_code_is_refused_after_it(enrolled_browser):
    form = code_form(enrolled_browser.get(REMOVE))
    enrolled_browser.send_code(VERIFY, code())
    form["code"] = code(steps=1)
    assert form.submit(expect_errors=True).status_int == 403
    assert OtpMelDevice.objects.get().confirmed


def test_a_refused_code_leaves_the_session_as_it_is(enrolled_browser):
    before = dict(enrolled_browser.cookies)
    enrolled_browser.send_code(VERIFY, wrong_code())
    assert enrolled_browser.cookies["cerbere_session"] == before["cerbere_session"]


def test_s16_another_session_is_not_raised_nor_rotated(enrolled_browser):
    other = Browser("198.51.100.7")
    other.sign_in()
    before = other.cookies["cerbere_session"]
    enrolled_browser.send_code(VERIFY, code())
    assert not is_two_factor(other)
    assert other.cookies["cerbere_session"] == before


def test_s11_the_level_falls_when_the_second_factor_is_too_old(enrolled_browser, clock, settings):
    settings.SECOND_FACTOR_MAX_AGE = timedelta(minutes=15)
    enrolled_browser.send_code(VERIFY, code())
    clock.shift(timedelta(minutes=15))
    assert is_two_factor(enrolled_browser)
    clock.shift(timedelta(seconds=1))
    assert not is_two_factor(enrolled_browser)


def test_signing_out_leaves_nothing_to_the_next_login(enrolled_browser):
    enrolled_browser.send_code(VERIFY, code())
    token = code_form(enrolled_browser.get(VERIFY))["csrfmiddlewaretoken"].value
    enrolled_browser.post("/deconnexion/", {"csrfmiddlewaretoken": token})
    enrolled_browser.sign_in()
    assert not is_two_factor(enrolled_browser)


def test_another_agent_in_the_same_browser_does_not_inherit_the_level(enrolled_browser, dominique):
    enrolled_browser.send_code(VERIFY, code())
    enrolled_browser.sign_in("dominique.morel")
    assert not is_two_factor(enrolled_browser)


def test_a_method_that_is_switched_off_counts_no_more_at_the_next_page(enrolled_browser):
    enrolled_browser.send_code(VERIFY, code())
    OtpMelDevice.objects.update(confirmed=False)
    assert not is_two_factor(enrolled_browser)


def test_p02_every_outcome_is_in_the_audit_log_with_its_reason(enrolled_browser, clock):
    enrolled_browser.send_code(VERIFY, code())
    other = Browser("198.51.100.7")
    other.sign_in()
    for typed in (code(), wrong_code(), code(steps=-5), code(steps=9), wrong_code(), code(), code(steps=1)):
        other.send_code(VERIFY, typed)
    used, wrong, drifted, many = "already_used", "wrong", "clock_out_of_step", "too_many_tries"
    assert list_reasons(Event.SECOND_FACTOR_REFUSED) == [used, wrong, drifted, drifted, wrong, many, many]
    accepted = AuditEvent.objects.get(name=Event.SECOND_FACTOR_ACCEPTED)
    assert (accepted.agent, accepted.address, accepted.detail) == (
        "camille.durand", "192.0.2.10", {"method": "OTP Mél"},
    )  # fmt: skip


def test_the_helpdesk_sees_the_last_refusal(enrolled_browser):
    enrolled_browser.send_code(VERIFY, code(steps=-5))
    device = OtpMelDevice.objects.get()
    assert (device.last_refusal, device.last_refusal_at) == ("clock_out_of_step", NOW)


def test_one_text_for_every_refused_code(enrolled_browser):
    """Wrong, used and out of step look alike: none says that a guess was near."""
    enrolled_browser.send_code(VERIFY, code())
    other = Browser("198.51.100.7")
    other.sign_in()
    answers = [other.send_code(VERIFY, typed) for typed in (code(), wrong_code(), code(steps=-5))]
    token = [code_form(answer)["csrfmiddlewaretoken"].value for answer in answers]
    assert len({a.text.replace(t, "") for a, t in zip(answers, token, strict=True)}) == 1


def test_p05_no_code_nor_seed_in_the_logs_and_the_audit_log(enrolled_browser, caplog):
    for typed in (code(), wrong_code(), code(steps=-5)):
        enrolled_browser.send_code(VERIFY, typed)
        audit_log = " ".join(str(event.detail) for event in AuditEvent.objects.all())
        assert typed not in caplog.text + audit_log
    assert CAMILLE_SECRET not in caplog.text
