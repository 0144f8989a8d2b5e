"""F15: a database that comes back from a backup gives nobody a second use of anything."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection

from accounts.models import AgentSession
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.provider.clients.models import Client
from cerbere.provider.logout.models import LogoutNotice
from cerbere.provider.tokens.models import Grant
from tests.support.people import CAMILLE_SECRET, NOW, Browser, activate_otp_mel, answer, code, device, is_two_factor
from twofactor.codes import compute_code, get_step
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = pytest.mark.django_db
VERIFY, ADD = "/verification/", "/compte/deux-facteurs/otp-mel/"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW + timedelta(seconds=7), tick=False) as traveller:
        yield traveller


@pytest.fixture
def after_restore(capsys):
    """Run after_restore, and return the time from which nodes may start."""

    def run():
        call_command("after_restore")
        said = re.search(r"start the nodes at (.{19}) UTC", capsys.readouterr().out)
        return datetime.fromisoformat(said[1]).replace(tzinfo=UTC)

    return run


@pytest.fixture
def raised(two_factor_browser, piag):
    return two_factor_browser


@pytest.mark.postgresql
def test_a_large_table_may_take_longer_than_an_agent_would_wait(raised, after_restore):
    raised.token(answer(raised.authorize())["code"])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION slow() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END' LANGUAGE plpgsql"
        )
        cursor.execute("CREATE TRIGGER slow BEFORE UPDATE ON provider_grant FOR EACH ROW EXECUTE FUNCTION slow()")
        cursor.execute("SET LOCAL statement_timeout = 200")
    after_restore()
    assert not Grant.objects.filter(revoked_at=None).exists()


def at_two_factors(browser, typed):
    browser.sign_in()
    browser.send_code(VERIFY, typed)
    return is_two_factor(browser)


def test_every_session_ends_and_its_applications_are_told(raised, after_restore):
    Client.objects.update(backchannel_logout_uri="https://piag.example.fr/logout/")
    raised.token(answer(raised.authorize())["code"])
    after_restore()
    assert raised.get("/compte/").status_int == 302
    assert not AgentSession.objects.exists()
    assert LogoutNotice.objects.count() == 1


def test_codes_and_tokens_of_before_are_dead(raised, after_restore):
    Client.objects.update(refresh_tokens=True)
    scope = "openid offline_access"
    given = raised.token(answer(raised.authorize(scope=scope, prompt="consent"))["code"]).json
    waiting = answer(raised.authorize())["code"]
    bearer = {"Authorization": f"Bearer {given['access_token']}"}
    assert raised.get("/oidc/userinfo", headers=bearer, status="*").status_int == 200
    after_restore()
    assert raised.get("/oidc/userinfo", headers=bearer, status="*").status_int == 401
    renewal = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    assert raised.token(None, redirect_uri=None, code_verifier=None, **renewal).json["error"] == "invalid_grant"
    assert raised.token(waiting).json["error"] == "invalid_grant"


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_that_the_restored_row_does_not_know_as_used_is_burnt(enrolled, after_restore, steps):
    typed = code(steps=steps)
    assert at_two_factors(Browser(), typed)
    OtpMelDevice.objects.update(last_step=-1)  # as the backup has it
    after_restore()
    assert not at_two_factors(Browser(), typed)
    assert device().last_refusal == "already_used"


def test_from_the_moment_that_it_names_every_code_of_before_is_out_and_a_fresh_one_is_in(
    enrolled, after_restore, clock
):
    used = [code(steps=steps) for steps in (-1, 0, 1)]
    start = after_restore()
    assert timedelta(seconds=30) < start - NOW <= timedelta(minutes=2)
    clock.move_to(start)
    assert at_two_factors(Browser(), code(steps=-1)), "a phone that is late"
    assert device().failures == 0
    OtpMelDevice.objects.update(last_step=-1)
    assert not [typed for typed in used if at_two_factors(Browser(), typed)]


@pytest.mark.parametrize("tolerance", [0, 1, 2])
def test_an_agent_who_enrolled_after_the_backup_cannot_be_enrolled_by_that_code(
    camille, after_restore, clock, settings, tolerance
):
    """The restored tables have no row to burn: only time can."""
    settings.OTP_TOLERANCE = tolerance
    used = code(steps=tolerance)
    clock.move_to(after_restore())
    browser = Browser()
    browser.sign_in()
    browser.send_code(ADD, used)
    assert not device().confirmed
    browser.send_code(ADD, code())
    assert device().confirmed


def test_a_step_that_is_burnt_further_stays_burnt(camille, after_restore):
    activate_otp_mel(camille)
    ahead = get_step(NOW) + 40
    OtpMelDevice.objects.update(last_step=ahead)
    after_restore()
    assert device().last_step == ahead
    assert not at_two_factors(Browser(), compute_code(CAMILLE_SECRET.encode(), ahead))


def test_the_journal_says_that_it_was_run_and_it_may_be_run_again(raised, after_restore):
    raised.authorize()
    after_restore()
    after_restore()
    first, second = AuditEvent.objects.filter(name=Event.DATABASE_RESTORED).order_by("id")
    assert first.detail == {"sessions": 1, "grants": 1, "devices": 1}
    assert second.detail == {"sessions": 0, "grants": 0, "devices": 0}
