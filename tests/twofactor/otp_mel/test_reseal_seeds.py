"""A new key that seals the secrets (row F16): in batches, resumable, beside logins."""

import base64
from itertools import islice

import pytest
from django.core.management import CommandError

from tests.support.commands import run_command
from tests.support.people import CAMILLE_SECRET, activate_otp_mel, code, make_agent, put_on_bnum
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.reseal_seeds import count_left_to_reseal, reseal_seeds
from twofactor.seeds.models import ImportedSeed

pytestmark = pytest.mark.django_db
NEW_KEY = f"2027_01:{base64.b64encode(b'another key of thirty-two bytes.').decode()}"


@pytest.fixture
def agents(enrolled):
    for n in range(4):
        agent = make_agent(f"agent.{n}")
        activate_otp_mel(agent, f"secret-of-twenty-by-{n}")
        imported = ImportedSeed(agent=agent, imported_at=agent.date_joined)
        imported.seal(b"imported")
        imported.save()
    return enrolled


@pytest.fixture
def old_keys(settings, agents):
    """Put a new key first, which seals while the old one still opens; return the old value."""
    old = settings.SEED_KEYS
    settings.SEED_KEYS = f"{NEW_KEY} {old}"
    return old


def reseal():
    return run_command("reseal_seeds")


def test_f16_every_secret_is_sealed_anew_and_the_old_key_can_go(browser, old_keys, settings):
    assert "sealed anew: 9, left: 0" in reseal()
    settings.SEED_KEYS = NEW_KEY
    assert OtpMelDevice.objects.get(user__uid="camille.durand").seed == CAMILLE_SECRET.encode()
    assert {imported.seed for imported in ImportedSeed.objects.all()} == {b"imported"}
    browser.sign_in()
    browser.send_code("/verification/", code())
    assert "Ouverte avec deux facteurs" in browser.get("/compte/")


def test_f16_without_it_the_old_key_cannot_go(browser, old_keys, settings):
    settings.SEED_KEYS = NEW_KEY
    browser.sign_in()
    page = browser.get("/verification/")
    assert browser.send_code(page, code()).status_int == 503


def test_f16_a_changed_secret_is_still_noticed_afterwards(old_keys, settings):
    reseal()
    settings.SEED_KEYS = NEW_KEY
    device = OtpMelDevice.objects.get(user__uid="camille.durand")
    assert device.has_seed(CAMILLE_SECRET.encode())
    assert not device.has_seed(b"another secret of it")


def test_f16_an_interrupted_run_goes_on_where_it_stopped(old_keys):
    assert list(islice(reseal_seeds(batch=2), 2)) == [(2, 0), (2, 0)]
    assert count_left_to_reseal() == 5
    assert "sealed anew: 5, left: 0" in reseal()
    assert "sealed anew: 0, left: 0" in reseal()


def test_f16_facts_of_sessions_survive_it(browser, old_keys):
    browser.sign_in()
    browser.send_code("/verification/", code())
    reseal()
    assert "Ouverte avec deux facteurs" in browser.get("/compte/")


def test_f16_a_row_that_does_not_open_is_told_and_stops_nobody(old_keys):
    OtpMelDevice.objects.filter(user__uid="agent.0").update(sealed_seed="gone:AAAA")
    with pytest.raises(CommandError, match="1 secrets do not open"):
        reseal()
    assert count_left_to_reseal() == 1


def test_the_digest_of_one_agent_says_nothing_of_another(agents):
    twin = make_agent("dominique.morel")
    put_on_bnum("dominique.morel", CAMILLE_SECRET)
    device = activate_otp_mel(twin)
    assert device.fingerprint != OtpMelDevice.objects.get(user=agents).fingerprint
