"""Back-channel logout: every application of a session that ends is told, whatever ends it."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from accounts.models import AgentSession
from cerbere.provider.clients.models import Client
from cerbere.provider.logout.back_channel import send_logout_notice
from cerbere.provider.logout.models import LogoutNotice
from cerbere.provider.tokens.models import Grant
from tests.support import people
from tests.support.admin import sign_in_staff
from tests.support.fakes.listening_client import listening_client
from tests.support.people import answer
from tests.support.worker import run_worker
from twofactor.otp_mel.remove_otp_mel import remove_otp_mel_as_admin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rp():
    with listening_client() as server:
        yield server


@pytest.fixture
def signed_in(rp, two_factor_browser, piag):
    """Return a browser at two factors, with tokens for PIAG, which listens for logout tokens."""
    Client.objects.update(backchannel_logout_uri=rp.url)
    browser = two_factor_browser
    assert browser.token(answer(browser.authorize())["code"]).status_int == 200
    return browser


def sign_out(browser):
    next(form for form in browser.get("/compte/").forms.values() if form.action == "/deconnexion/").submit()


def test_the_logout_token_is_the_standards(rp, signed_in, enrolled):
    sid = str(AgentSession.objects.get().sid)
    sign_out(signed_in)
    assert rp.received == [], "the agent does not wait for it"
    run_worker()
    token = jwt.decode(rp.received[0], KeySet.import_key_set(signed_in.get("/oidc/jwks").json), algorithms=["RS256"])
    assert (token.header["typ"], token.claims["sid"], token.claims["sub"]) == ("logout+jwt", sid, str(enrolled.uuid))
    assert (token.claims["iss"], token.claims["aud"]) == ("http://localhost:8000", "piag")
    assert token.claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert token.claims["jti"]
    assert "nonce" not in token.claims
    assert token.claims["exp"] - token.claims["iat"] == 120
    assert LogoutNotice.objects.get().delivered_at is not None


def test_it_names_and_is_signed_as_the_clients_id_tokens_are(rp, browser, enrolled, piag, settings):
    settings.PAIRWISE_SALT = "a-salt-of-the-tests-0123456789abcdef"
    Client.objects.update(backchannel_logout_uri=rp.url, id_token_alg="ES256", sector="a")
    browser.sign_in()
    browser.send_code("/verification/", people.code())
    keys = KeySet.import_key_set(browser.get("/oidc/jwks").json)
    id_token = jwt.decode(browser.token(answer(browser.authorize())["code"]).json["id_token"], keys, ["ES256"])
    sign_out(browser)
    run_worker()
    told = jwt.decode(rp.received[0], keys, algorithms=["ES256"])
    assert told.claims["sub"] == id_token.claims["sub"] != str(enrolled.uuid)


def test_authorities_that_are_not_found_are_a_failure_like_others(rp, signed_in, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authorities.pem")
    Client.objects.update(backchannel_logout_uri=rp.url.replace("http:", "https:"))
    sign_out(signed_in)
    run_worker()
    assert LogoutNotice.objects.get().last_error == "OSError"


def by_application(browser, enrolled):
    hint = browser.token(answer(browser.authorize())["code"]).json["id_token"]
    browser.get("/oidc/logout", {"id_token_hint": hint})


def by_deactivation(browser, enrolled):
    helpdesk = sign_in_staff("helpdesk", is_superuser=True)
    form = helpdesk.get(f"/admin/accounts/agent/{enrolled.pk}/change/").forms["agent_form"]
    form["is_active"] = False
    assert form.submit().status_int == 302


def by_purge(browser, enrolled):
    AgentSession.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    call_command("purge")


ENDINGS = {
    "sign-out": lambda browser, _: sign_out(browser),
    "an application's logout": by_application,
    "deactivation": by_deactivation,
    "the purge of idle sessions": by_purge,
    "removal of the method by an admin": lambda _, agent: remove_otp_mel_as_admin(
        agent.otp_mel, agent, "téléphone volé"
    ),
    "another agent signing in": lambda browser, _: (people.make_agent("eva.luc"), browser.sign_in("eva.luc")),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_every_way_to_end_is_told_once(rp, signed_in, enrolled, end, capsys):
    end(signed_in, enrolled)
    run_worker()
    assert len(rp.received) == 1


def test_a_session_key_that_rotates_ends_nothing(rp, signed_in):
    with time_machine.travel(timezone.now() + timedelta(seconds=40)):
        signed_in.send_code("/verification/", people.code())
        run_worker()
    assert rp.received == []


def test_removal_leaves_applications_of_the_password_alone(rp, browser, enrolled, wiki):
    Client.objects.update(backchannel_logout_uri=rp.url)
    browser.sign_in()
    browser.token(answer(browser.authorize("wiki"))["code"], "wiki")
    remove_otp_mel_as_admin(enrolled.otp_mel, enrolled, "téléphone volé")
    run_worker()
    assert rp.received == []


@pytest.mark.parametrize("fault", ["no token was given", "disabled", "no address"])
def test_who_has_nothing_to_end_is_not_told(rp, browser, enrolled, piag, fault):
    Client.objects.update(backchannel_logout_uri="" if fault == "no address" else rp.url)
    browser.sign_in()
    browser.send_code("/verification/", people.code())
    code = answer(browser.authorize())["code"]
    if fault != "no token was given":
        browser.token(code)
    Client.objects.update(enabled=fault != "disabled")
    sign_out(browser)
    run_worker()
    assert not LogoutNotice.objects.exists()


@pytest.mark.parametrize("status", [400, 500, 302])
def test_x06_a_refusal_is_tried_again_a_bounded_number_of_times(rp, signed_in, status):
    rp.status = status
    sign_out(signed_in)
    start = timezone.now()
    for hours in range(6):
        with time_machine.travel(start + timedelta(hours=hours)):
            run_worker()
    notice = LogoutNotice.objects.get()
    assert (len(rp.received), notice.attempts, notice.last_error) == (5, 5, f"status {status}")
    assert len({json.loads(extract_compact(token.encode()).payload)["jti"] for token in rp.received}) == 5


def test_x06_each_time_it_is_waited_longer_and_what_has_arrived_is_not_sent_again(rp, signed_in):
    rp.status = 503
    sign_out(signed_in)
    start, tries = timezone.now(), []
    for seconds in (0, 11, 60, 75, 300, 690):
        with time_machine.travel(start + timedelta(seconds=seconds)):
            run_worker()
        tries.append(len(rp.received))
    assert tries == [1, 2, 2, 3, 3, 4]
    LogoutNotice.objects.update(delivered_at=start)
    send_logout_notice.call(LogoutNotice.objects.get().pk)
    assert len(rp.received) == 4


def test_x06_it_is_tried_again_and_then_delivered(rp, signed_in):
    rp.status = 503
    sign_out(signed_in)
    run_worker()
    rp.status = 204
    run_worker()
    assert len(rp.received) == 1, "not before its time"
    with time_machine.travel(timezone.now() + timedelta(seconds=10)):
        run_worker()
    notice = LogoutNotice.objects.get()
    assert (len(rp.received), notice.last_error, notice.delivered_at is not None) == (2, "", True)


def test_x06_one_that_hangs_or_is_down_fails_in_bounded_time_and_the_other_is_told(rp, signed_in, monkeypatch, db):
    monkeypatch.setattr("cerbere.provider.logout.back_channel.TIMEOUT", (0.2, 0.2))
    with listening_client() as other:
        people.make_client("hangs", 2, backchannel_logout_uri=other.url)
        people.make_client("down", 2, backchannel_logout_uri="http://127.0.0.1:1/")
        for name in ("hangs", "down"):
            signed_in.token(answer(signed_in.authorize(name))["code"], name)
        other.status = None
        sign_out(signed_in)
        run_worker()
    errors = dict(LogoutNotice.objects.values_list("client__client_id", "last_error"))
    assert errors == {"piag": "", "hangs": "ReadTimeout", "down": "ConnectionError"}


def test_x06_one_that_trickles_its_answer_is_cut_off(rp, signed_in, monkeypatch):
    monkeypatch.setattr("cerbere.provider.logout.back_channel.DEADLINE", 0.5)
    rp.trickles = True
    sign_out(signed_in)
    run_worker()
    assert LogoutNotice.objects.get().last_error == "too slow"


def test_a_notice_that_a_killed_worker_held_is_sent_by_the_purge(rp, signed_in, capsys):
    sign_out(signed_in)
    DBTaskResult.objects.update(status="RUNNING")
    run_worker()
    assert rp.received == []
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        call_command("purge")
        run_worker()
    assert len(rp.received) == 1


def test_a_notice_that_waits_for_the_worker_is_queued_once_however_often_the_purge_runs(rp, signed_in, capsys):
    sign_out(signed_in)
    waiting = DBTaskResult.objects.filter(task_path=send_logout_notice.module_path, status="READY")
    for hours in range(3, 9):
        with time_machine.travel(timezone.now() + timedelta(hours=hours)):
            call_command("purge")
    assert waiting.count() == 1
    waiting.update(status="RUNNING", started_at=timezone.now() + timedelta(hours=9))
    with time_machine.travel(timezone.now() + timedelta(hours=10)):
        call_command("purge")
    assert waiting.count() == 0


def test_p04_old_notices_are_purged(rp, signed_in, capsys):
    sign_out(signed_in)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        call_command("purge")
    assert not LogoutNotice.objects.exists()


def test_the_notices_keep_no_token(rp, signed_in):
    sign_out(signed_in)
    run_worker()
    stored = str(list(LogoutNotice.objects.values())) + str(list(Grant.objects.values()))
    assert rp.received[0] not in stored
