"""The periodic comparison of confirmed secrets with the Bnum's (row E14), and what it must not do."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cerbere.audit.events import Event
from tests.support.people import (
    CAMILLE_SECRET,
    DOMINIQUE_SECRET,
    NOW,
    activate_otp_mel,
    code,
    device,
    make_agent,
    put_on_bnum,
)
from tests.support.renewal import NEW_SECRET, RENEW, VERIFY, events, renew, sync, take_from_bnum
from twofactor.otp_mel import sync_seeds as module
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.models import ImportedSeed
from twofactor.sources.database import DatabaseSource

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_sync_finds_what_is_the_same_changed_and_back(enrolled):
    other = make_agent("dominique.morel")
    put_on_bnum("dominique.morel", "abcdefghijklmnopqrst")
    activate_otp_mel(other, "abcdefghijklmnopqrst")
    assert sync() == "same: 2"
    put_on_bnum("camille.durand", NEW_SECRET)
    assert sync() == "changed: 1, same: 1"
    assert sync() == "same: 1, still_changed: 1"
    put_on_bnum("camille.durand", CAMILLE_SECRET)
    assert sync() == "back: 1, same: 1"
    assert device().changed_at is None
    assert Event.OTP_MEL_UNCHANGED in events()


def test_sync_leaves_a_method_that_is_not_active_alone(camille):
    OtpMelDevice.objects.create(user=camille)
    take_from_bnum()
    assert sync() == "no method"


def test_sync_reads_in_pages(enrolled, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    for n in range(4):
        put_on_bnum(f"agent.{n}", f"secret-of-twenty-by-{n}")
        activate_otp_mel(make_agent(f"agent.{n}"), f"secret-of-twenty-by-{n}")
    assert sync() == "same: 5"


def test_sync_writes_nothing_when_the_source_seems_to_have_lost_its_secrets(enrolled, settings):
    for n in range(module.AT_ONCE + 2):
        activate_otp_mel(make_agent(f"agent.{n}"))
    with pytest.raises(CommandError, match="too many secrets differ"):
        sync()
    assert not OtpMelDevice.objects.filter(changed_at__isnull=False).exists()
    assert sync(force=True) == f"changed: {module.AT_ONCE + 2}, same: 1"


def test_a_method_of_a_version_without_fingerprints_is_compared_all_the_same(enrolled):
    OtpMelDevice.objects.update(fingerprint="")
    assert sync() == "same: 1"
    put_on_bnum("camille.durand", NEW_SECRET)
    assert sync() == "changed: 1"


@pytest.fixture
def meanwhile(monkeypatch):
    """Return a function that has an act done once, between camille's secret and dominique's."""
    activate_otp_mel(make_agent("dominique.morel"), DOMINIQUE_SECRET)
    put_on_bnum("dominique.morel", DOMINIQUE_SECRET)
    look_up = DatabaseSource.look_up

    def plan(act):
        def acting(self, uid):
            if uid == "dominique.morel":
                monkeypatch.setattr(DatabaseSource, "look_up", look_up)
                act()
            return look_up(self, uid)

        monkeypatch.setattr(DatabaseSource, "look_up", acting)

    return plan


def test_sync_does_not_kill_what_the_agent_confirmed_meanwhile(browser, enrolled, meanwhile):
    take_from_bnum()

    def set_up_anew():
        put_on_bnum("camille.durand", NEW_SECRET)
        browser.sign_in()
        browser.send_code(VERIFY, code(NEW_SECRET))
        assert renew(browser, code(NEW_SECRET)).status_int == 303

    meanwhile(set_up_anew)
    sync()
    assert device().changed_at is None


def test_sync_does_not_revive_a_secret_that_was_back_for_a_moment(enrolled, meanwhile):
    OtpMelDevice.objects.filter(user=enrolled).update(changed_at=NOW)
    meanwhile(lambda: put_on_bnum("camille.durand", NEW_SECRET))
    sync()
    assert device().changed_at == NOW


def test_one_record_that_cannot_be_read_stops_nobody_elses_comparison(enrolled, settings):
    settings.MELOTP_SOURCE = "imported"
    broken = make_agent("dominique.morel")
    activate_otp_mel(broken)
    for agent in (enrolled, broken):
        imported = ImportedSeed(agent=agent, imported_at=NOW)
        imported.seal(NEW_SECRET.encode())
        imported.save()
    ImportedSeed.objects.filter(agent=broken).update(sealed_seed="gone:AAAA")
    with pytest.raises(CommandError, match="1 could not be compared"):
        sync()
    assert device().changed_at is not None


def test_f15_after_a_restoration_a_run_keeps_a_lost_phone_out(browser, renewed, clock):
    """The backup is older than the renewal: docs/operations.md has sync_seeds run before the nodes start."""
    call_command("after_restore", stdout=StringIO())
    sync()
    clock.shift(timedelta(minutes=5))
    browser.sign_in()
    assert browser.get(VERIFY).location == RENEW
