"""What only happens when requests meet: real threads on a real PostgreSQL."""

import base64
import threading
from itertools import count, groupby, islice

import pytest

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.at_once import run_at_once
from tests.support.audit import count_events
from tests.support.fakes import fake_bnum
from tests.support.people import (
    Browser,
    activate_otp_mel,
    code,
    code_form,
    copy_browser,
    is_two_factor,
    make_agent,
    put_on_bnum,
    session,
)  # fmt: skip
from twofactor.codes import Outcome
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.remove_otp_mel import remove_otp_mel_as_admin
from twofactor.otp_mel.reseal_seeds import count_left_to_reseal, reseal_seeds
from twofactor.throttle import FREE_TRIES

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
VERIFY, ADD, REMOVE = "/verification/", "/compte/deux-facteurs/otp-mel/", "/compte/deux-facteurs/otp-mel/retirer/"


def prepare_sending(browser, page, typed):
    """Return a function that sends this code from another browser with the same cookies."""
    form = code_form(browser.get(page))
    form["code"] = typed
    twin, fields = copy_browser(browser), form.submit_fields()
    return lambda: (twin.post(page, fields, expect_errors=True), twin)


def run_together(acts):
    """Do all at once, each in a thread with its own connections; their results in order."""
    start = threading.Barrier(len(acts))

    def run(act):
        start.wait()
        return act()

    return run_at_once(run, acts)


def wrong_codes():
    near = {code(steps=step) for step in range(-40, 41)}
    return (f"{n:06}" for n in count() if f"{n:06}" not in near)


def verdicts():
    """Return the outcome of each code, in the order of evaluation."""
    events = AuditEvent.objects.filter(name__startswith="second_factor").order_by("id")
    return [event.detail.get("reason", "good") for event in events]


def test_t01_f07_one_code_in_sixteen_sessions_at_once_raises_one(enrolled):
    for number, typed in enumerate([code(), code(steps=1)], start=1):
        answers = run_together([prepare_sending(session(), VERIFY, typed) for _ in range(16)])
        assert [answer.status_int for answer, _ in answers].count(303) == 1
        assert sum(is_two_factor(twin) for _, twin in answers) == 1
        assert count_events(Event.SECOND_FACTOR_ACCEPTED) == number
        OtpMelDevice.objects.get().unlock()  # fifteen replays were refused


def test_t10_of_sixty_four_wrong_codes_at_once_five_are_evaluated(enrolled):
    browser = session()
    answers = run_together([prepare_sending(browser, VERIFY, typed) for typed in islice(wrong_codes(), 64)])
    assert sorted(answer.status_int for answer, _ in answers) == [200] * FREE_TRIES + [429] * (64 - FREE_TRIES)
    assert OtpMelDevice.objects.get().failures == FREE_TRIES


def test_t10_a_right_code_hidden_among_sixty_four_is_not_found_beyond_the_limit(enrolled):
    sessions = [session() for _ in range(8)]
    typed = [*islice(wrong_codes(), 63)]
    typed.insert(40, code())
    run_together([prepare_sending(sessions[n % 8], VERIFY, typed[n]) for n in range(64)])
    evaluated = [verdict for verdict in verdicts() if verdict != Outcome.TOO_MANY_TRIES]
    assert max(len([*run]) for verdict, run in groupby(evaluated) if verdict == "wrong") <= FREE_TRIES
    assert evaluated.count("good") <= 1


def test_t10_of_thirty_two_wrong_codes_at_an_enrolment_tried_before_five_are_evaluated(camille):
    OtpMelDevice.objects.create(user=camille)
    browser = session()
    run_together([prepare_sending(browser, ADD, typed) for typed in islice(wrong_codes(), 32)])
    assert verdicts().count("wrong") == OtpMelDevice.objects.get().failures == FREE_TRIES


def test_t10_guesses_with_a_stolen_old_cookie_are_bounded_in_parallel_too(enrolled):
    browser = session()
    guesses = [prepare_sending(browser, VERIFY, typed) for typed in islice(wrong_codes(), 32)]
    browser.send_code(VERIFY, code())
    run_together(guesses)
    assert verdicts().count("wrong") == OtpMelDevice.objects.get().failures == FREE_TRIES


def test_t19_a_double_click_that_meets_itself_verifies_once_and_both_lead_on(enrolled):
    browser = session()
    typed = code()
    answers = run_together([prepare_sending(browser, VERIFY, typed) for _ in range(4)])
    assert [(answer.status_int, answer.location) for answer, _ in answers] == [(303, "/compte/")] * 4
    assert all(is_two_factor(twin) for _, twin in answers)
    assert count_events(Event.SECOND_FACTOR_ACCEPTED) == 1
    assert OtpMelDevice.objects.get().failures == 0


def test_t19_a_double_click_that_meets_itself_enrols_once_and_both_lead_on(camille):
    browser = session()
    typed = code()
    answers = run_together([prepare_sending(browser, ADD, typed) for _ in range(4)])
    assert all("activée avec succès" in twin.follow_inside(answer) for answer, twin in answers)
    assert count_events(Event.OTP_MEL_ADDED) == 1


@pytest.mark.parametrize("tried_before", [False, True])
def test_e09_two_tabs_that_enrol_at_once_make_one_method(camille, tried_before):
    if tried_before:
        OtpMelDevice.objects.create(user=camille)
    browser = session()
    answers = run_together([prepare_sending(browser, ADD, code(steps=step)) for step in (0, 1)])
    assert sorted(answer.status_int for answer, _ in answers) == [302, 303]
    assert (OtpMelDevice.objects.count(), count_events(Event.OTP_MEL_ADDED)) == (1, 1)
    assert any(is_two_factor(twin) for _, twin in answers)


def test_e09_two_browsers_that_enrol_at_once_make_one_method_and_raise_one_session(camille):
    answers = run_together([prepare_sending(session(), ADD, code(steps=step)) for step in (0, 1)])
    assert sorted(answer.status_int for answer, _ in answers) == [302, 303]
    assert (OtpMelDevice.objects.count(), count_events(Event.OTP_MEL_ADDED)) == (1, 1)
    assert sum(is_two_factor(twin) for _, twin in answers) == 1


def test_e13_removals_that_meet_remove_once(enrolled):
    browser = session()
    typed = code()
    answers = run_together([prepare_sending(browser, REMOVE, typed) for _ in range(4)])
    assert all(answer.status_int in (302, 303) for answer, _ in answers)
    assert count_events(Event.OTP_MEL_REMOVED) == 1
    assert OtpMelDevice.objects.get().failures == 0


def test_e13_a_code_that_meets_the_removal_by_the_helpdesk_leaves_no_level(enrolled):
    sessions, chief, device = [session() for _ in range(3)], make_agent("chief"), OtpMelDevice.objects.get()
    removal = [lambda: (remove_otp_mel_as_admin(device, chief, "téléphone perdu"), Browser())]
    answers = run_together([*(prepare_sending(browser, VERIFY, code()) for browser in sessions), *removal])[:3]
    assert all(answer.status_int < 500 for answer, _ in answers)
    assert not any(is_two_factor(twin) for _, twin in answers)


def test_f16_sealing_anew_beside_logins_refuses_no_code(enrolled, settings):
    """The seed key changes under load: rows that a login holds are left to the next run, and no login fails."""
    agents = [make_agent(f"agent.{n}") for n in range(12)]
    for n, agent in enumerate(agents):
        activate_otp_mel(agent, f"secret-of-twenty-{n:03}")
        put_on_bnum(agent.uid, f"secret-of-twenty-{n:03}")
    settings.SEED_KEYS = f"new:{base64.b64encode(b'another key of thirty-two bytes.').decode()} {settings.SEED_KEYS}"

    def log_in(n):
        browser = Browser()
        browser.sign_in(f"agent.{n}")
        browser.send_code(VERIFY, code(f"secret-of-twenty-{n:03}"))
        return is_two_factor(browser)

    acts = [lambda n=n: log_in(n) for n in range(12)] + [lambda: sum(n for n, _ in reseal_seeds(batch=1)) > 0]
    assert all(run_together(acts))
    list(reseal_seeds())
    assert count_left_to_reseal() == 0


@pytest.fixture
def delegated(camille, bnum):
    device = OtpMelDevice(user=camille)
    device.set_seed(None)
    device.confirm(camille.date_joined)
    return device


def test_t10_wrong_codes_in_parallel_ask_the_bnum_no_more_often_than_is_free(delegated, bnum):
    browsers = [session() for _ in range(12)]
    wrong = [f"{n:06}" for n in range(12)]
    run_together([prepare_sending(browser, VERIFY, typed) for browser, typed in zip(browsers, wrong, strict=True)])
    assert len([line for line in bnum.asked if line.startswith("UDATA")]) <= FREE_TRIES


def test_one_code_in_parallel_serves_once_even_if_the_bnum_says_yes_each_time(delegated, bnum, monkeypatch):
    browsers = [session() for _ in range(FREE_TRIES - 1)]
    all_have_asked = threading.Barrier(len(browsers), timeout=2)
    monkeypatch.setattr(fake_bnum.FakeBnum, "is_right", lambda *_: all_have_asked.wait() >= 0)
    answers = run_together([prepare_sending(browser, VERIFY, "123456") for browser in browsers])
    assert sum(is_two_factor(twin) for _, twin in answers) == 1
