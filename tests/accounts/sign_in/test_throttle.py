"""Wrong passwords are counted before they are evaluated; a stranger cannot keep an agent out."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import attempts
from accounts.models import Attempts
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.at_once import run_at_once
from tests.support.people import NOW, Browser, login_form, make_agent

THREADS = 8  # at once, each with a connection of its own
WRONG = "L’identifiant ou le mot de passe est incorrect."


def fail(times, uid="camille.durand", first=1):
    """Send so many wrong passwords, each from another browser and IP address."""
    return [Browser(f"198.51.100.{first + n}").sign_in(uid, "wrong") for n in range(times)]


def lock(agent):
    """Lock the account, as seven failures from other browsers do."""
    until = timezone.now() + timedelta(minutes=10)
    Attempts.objects.update_or_create({"failures": 7, "locked_until": until}, key=f"account:{agent.uuid}")


@pytest.mark.django_db
def test_the_lock_says_the_hour_to_people_and_the_seconds_to_programs(camille):
    with time_machine.travel(datetime(2026, 11, 24, 13, 22, 0, tzinfo=UTC), tick=False):
        assert {answer.status_int for answer in fail(7)} == {200}
        locked = Browser().sign_in("camille.durand", "wrong")
    assert locked.status_int == 429
    assert "Trop d’essais. Réessayez à 14 h 32." in locked.text
    assert "<title>Erreur – Connexion – Cerbère</title>" in locked.text
    assert locked.headers["Retry-After"] == "600"


@pytest.mark.django_db
def test_the_lock_looks_the_same_for_the_right_password_and_for_a_login_that_does_not_exist(camille):
    with time_machine.travel(NOW, tick=False):
        fail(7)
        fail(7, "no.body", first=20)
        answers = [Browser().sign_in("camille.durand"), Browser().sign_in("no.body")]
    assert [answer.status_int for answer in answers] == [429, 429]
    assert {login_form(answer)["username"].value for answer in answers} == {"camille.durand", "no.body"}
    assert all("Réessayez à 10 h 10." in answer.text for answer in answers)
    assert AuditEvent.objects.filter(detail__reason="too_many_tries").count() == 2


@pytest.mark.django_db
def test_the_lock_ends_and_comes_back_after_one_more_failure(camille):
    with time_machine.travel(NOW, tick=False) as clock:
        fail(7)
        clock.shift(timedelta(minutes=9, seconds=59))
        assert Browser().sign_in().status_int == 429
        clock.shift(timedelta(seconds=1))
        assert fail(1)[0].status_int == 200
        assert Browser().sign_in().status_int == 429
        clock.shift(timedelta(minutes=10))
        assert Browser().sign_in().status_int == 303
        assert fail(1)[0].status_int == 200
        assert Browser().sign_in().status_int == 303


@pytest.mark.django_db
def test_failures_are_forgotten_after_twelve_hours(camille):
    with time_machine.travel(NOW, tick=False) as clock:
        fail(6)
        clock.shift(timedelta(hours=12))
        assert [answer.status_int for answer in fail(7)] == [200] * 7


@pytest.fixture
def used(browser, camille):
    """Return a browser that the agent has used and closed: only the known browser's cookie is left."""
    browser.sign_in()
    browser.cookiejar.clear_session_cookies()
    return browser


def test_a_stranger_cannot_lock_out_a_browser_that_the_agent_has_used(used):
    fail(8)
    assert Browser().sign_in().status_int == 429
    assert used.sign_in().status_int == 303


def test_a_stranger_behind_the_same_address_cannot_either(used, monkeypatch):
    monkeypatch.setattr(attempts, "SOURCE_LIMIT", attempts.Limit(5, timedelta(minutes=10), timedelta(minutes=10)))
    for n in range(6):
        used_address = Browser().sign_in(f"nobody.{n}", "wrong")
    assert used_address.status_int == 429
    assert used.sign_in().status_int == 303


def test_a_known_browser_has_a_counter_of_its_own(used):
    answers = [used.sign_in(password="wrong") for _ in range(8)]
    assert [answer.status_int for answer in answers] == [200] * 7 + [429]
    assert Browser().sign_in().status_int == 303


def test_a_browser_known_to_one_agent_is_a_stranger_to_another(used):
    lock(make_agent("dominique.morel"))
    assert used.sign_in("dominique.morel").status_int == 429


def test_a_browser_known_by_the_old_password_is_a_stranger_after_a_change(used, camille):
    """Whoever had the old password could have made known browsers by the hundred, each with its own tries."""
    camille.set_password("une autre phrase de passe")
    camille.save()
    lock(camille)
    assert used.sign_in(password="une autre phrase de passe").status_int == 429


@pytest.mark.parametrize("forged", ["", "x", "a:b:c", '"\\000"', "é" * 9])
def test_a_forged_browser_cookie_is_a_stranger(camille, forged):
    lock(camille)
    stranger = Browser()
    stranger.extra_environ["HTTP_COOKIE"] = f"cerbere_navigateur={forged}"
    page = stranger.get("/connexion/")
    assert stranger.sign_in(page=page).status_int in (403, 429)


@pytest.fixture
def small_source(monkeypatch):
    monkeypatch.setattr(attempts, "SOURCE_LIMIT", attempts.Limit(5, timedelta(minutes=10), timedelta(minutes=10)))


def test_l08_a_spray_is_stopped_by_its_source_and_locks_no_victim(db, small_source):
    victims = [make_agent(f"victim.number{n}") for n in range(8)]
    sprayer = Browser("203.0.113.9")
    statuses = [sprayer.sign_in(victim.uid, "Printemps2026!").status_int for victim in victims]
    assert statuses == [200] * 5 + [429] * 3
    assert Browser().sign_in(victims[0].uid).status_int == 303
    assert Browser().sign_in(victims[-1].uid).status_int == 303


def test_l08_the_real_limit_is_a_hundred(db):
    assert (attempts.SOURCE_LIMIT.free_tries, attempts.SOURCE_LIMIT.wait) == (100, timedelta(minutes=10))


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_CLIENT_IP"])
def test_h06_a_new_address_in_a_header_at_each_try_changes_nothing(db, small_source, header):
    sprayer = Browser("203.0.113.9")
    statuses = []
    for n in range(6):
        sprayer.extra_environ[header] = f"198.51.100.{n}"
        statuses.append(sprayer.sign_in(f"nobody.{n}", "wrong").status_int)
    assert statuses == [200] * 5 + [429]


def test_a_whole_ipv6_network_is_one_source(db, small_source):
    statuses = [Browser(f"2001:db8:0:1::{n:x}").sign_in(f"nobody.{n}", "wrong").status_int for n in range(6)]
    assert statuses[-1] == 429
    assert Browser("2001:db8:0:2::1").sign_in("nobody.else", "wrong").status_int == 200


def test_a_right_password_gives_the_source_its_try_back(camille, monkeypatch):
    monkeypatch.setattr(attempts, "SOURCE_LIMIT", attempts.Limit(3, timedelta(minutes=10), timedelta(minutes=10)))
    for n in range(2):
        Browser().sign_in(f"nobody.{n}", "wrong")
    assert [Browser().sign_in().status_int for _ in range(3)] == [303] * 3


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_l05_fifty_wrong_passwords_at_once_are_seven_evaluated(camille):
    mine, known = Browser(), Browser()
    mine.sign_in()
    known.sign_in()
    known.cookiejar.clear_session_cookies()
    pages = [Browser(f"198.51.100.{n}").get("/connexion/") for n in range(50)]

    def attack(number):
        form = login_form(pages[number])
        form["username"], form["password"] = "camille.durand", f"wrong {number}"
        return form.submit(expect_errors=True)

    answers = run_at_once(attack, range(50), THREADS)
    assert sum(WRONG in answer.text for answer in answers) == 7
    assert sum(answer.status_int == 429 for answer in answers) == 43
    refusals = AuditEvent.objects.filter(name=Event.SIGN_IN_REFUSED)
    assert refusals.filter(detail__reason="wrong_password").count() == 7
    assert refusals.filter(detail__reason="too_many_tries").count() == 43
    assert Attempts.objects.get(key=f"account:{camille.uuid}").failures == 7
    assert mine.get("/compte/").status_int == 200
    assert known.sign_in().status_int == 303
    assert Browser().sign_in().status_int == 429


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_right_passwords_at_once_give_back_just_what_they_took_and_never_wait_for_each_other():
    """Two accounts behind one source, whose rows one statement locks."""

    def sign_in_often(number):
        for _ in range(40):
            assert attempts.reserve_try(f"account:{number % 2}", "source:192.0.2.10", timezone.now()) is None
            attempts.record_success(f"account:{number % 2}", "source:192.0.2.10")

    run_at_once(sign_in_often, range(THREADS))
    assert dict(Attempts.objects.values_list("key", "failures")) == dict.fromkeys(
        ["account:0", "account:1", "source:192.0.2.10"], 0
    )


@pytest.mark.django_db
def test_a_trickle_of_typing_errors_never_locks_a_site(camille):
    """One failure each nine minutes, for a day, from one address."""
    with time_machine.travel(NOW, tick=False) as moment:
        for number in range(160):
            attempts.reserve_try(f"login:{number}", "source:192.0.2.10", timezone.now())
            moment.shift(timedelta(minutes=9))
        assert Browser("192.0.2.10").sign_in().status_int == 303


@pytest.mark.django_db
def test_an_account_that_is_unlocked_between_refusal_and_its_reading_has_its_try(monkeypatch):
    for _ in range(7):
        attempts.reserve_try("account:one", None, NOW)

    execute = attempts.execute_write

    def unlock_once_refused(sql, values):
        written = execute(sql, values)
        if not written:
            attempts.record_success("account:one", None)
        return written

    monkeypatch.setattr(attempts, "execute_write", unlock_once_refused)
    assert attempts.reserve_try("account:one", "source:192.0.2.10", NOW) is None
    assert dict(Attempts.objects.values_list("key", "failures")) == {"account:one": 1, "source:192.0.2.10": 1}


@pytest.mark.django_db
def test_a_try_refused_by_its_source_is_not_counted_for_the_account(small_source):
    for number in range(5):
        attempts.reserve_try(f"login:{number}", "source:192.0.2.10", NOW)
    assert attempts.reserve_try("account:one", "source:192.0.2.10", NOW) == NOW + timedelta(minutes=10)
    assert not Attempts.objects.filter(key="account:one").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("source", ["source:192.0.2.10", "browsers:one"])
def test_a_try_refused_by_its_account_is_counted_once_for_the_source(source):
    answers = [attempts.reserve_try("account:one", source, NOW) for _ in range(8)]
    assert answers == [None] * 7 + [NOW + timedelta(minutes=10)]
    kept = dict(Attempts.objects.values_list("key", "failures"))
    assert kept == {"account:one": 7, source: 8}


@pytest.mark.django_db
def test_the_wait_of_a_browser_s_agent_and_that_of_the_browser_are_each_their_own():
    """Known browsers share a bound that counts from the last failure, sources one that counts from the first."""
    for number in range(21):
        assert attempts.reserve_try(f"browser:one:{number}", "browsers:one", NOW + timedelta(hours=number)) is None
    at = NOW + timedelta(hours=20)
    assert attempts.reserve_try("browser:one:new", "browsers:one", at) == at + timedelta(minutes=10)
    assert not Attempts.objects.filter(key="browser:one:new").exists()


@pytest.mark.django_db
def test_what_is_given_back_ends_the_wait_that_it_began_and_never_falls_below_zero():
    for _ in range(7):
        attempts.reserve_try("account:one", "source:192.0.2.10", NOW)
    attempts.return_try("account:one", "source:192.0.2.10")
    rows = Attempts.objects.order_by("key").values_list("failures", "locked_until")
    assert list(rows) == [(6, None), (6, None)]
    for _ in range(8):
        attempts.return_try("account:one", "source:192.0.2.10")
    assert [row.failures for row in Attempts.objects.all()] == [0, 0]


@pytest.mark.django_db
def test_a_right_password_does_not_open_a_source_that_stays_over_its_limit(small_source):
    for number in range(5):
        attempts.reserve_try(f"login:{number}", "source:192.0.2.10", NOW)
    Attempts.objects.filter(key="source:192.0.2.10").update(failures=6)
    attempts.record_success("login:0", "source:192.0.2.10")
    source = Attempts.objects.get(key="source:192.0.2.10")
    assert (source.failures, source.locked_until) == (5, NOW + timedelta(minutes=10))


@pytest.mark.django_db
def test_l04_uid_and_mail_share_a_counter_whether_the_account_exists_or_not(camille):
    def seen(uid):
        fail(7, uid)
        return Browser("198.51.100.99").sign_in(f"{uid}@example.fr", "wrong").status_int

    assert seen("camille.durand") == seen("nobody.here") == 429
