"""Seeds at rest: sealed for one agent and one device, by keys that can change."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.people import CAMILLE_SECRET, DOMINIQUE_SECRET, NOW, activate_otp_mel, code
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.models import ImportedSeed
from twofactor.seeds.sealing import SeedKeyError, parse_keys, seal, unseal

pytestmark = pytest.mark.usefixtures("clock")
FIRST = "first:" + base64.b64encode(bytes(range(32))).decode()
SECOND = "second:" + base64.b64encode(bytes(range(32, 64))).decode()
VERIFY, ADD = "/verification/", "/compte/deux-facteurs/otp-mel/"


@given(st.binary(max_size=64), st.text(st.characters(exclude_categories=["Cs"]), max_size=64))
def test_a_sealed_seed_opens_where_it_was_sealed(seed, bound_to):
    sealed = seal(seed, bound_to)
    assert unseal(sealed, bound_to) == seed
    assert seal(seed, bound_to) != sealed


def test_p07_a_sealed_seed_does_not_open_elsewhere():
    with pytest.raises(SeedKeyError):
        unseal(seal(b"seed", "1:a"), "1:b")


@pytest.mark.parametrize(
    "damaged", ["", "test:", "test:AAAA", "test:!", "test:AAAAA", "other:AAAA", "AAAA", "test:" + "A" * 80]
)
def test_what_is_damaged_is_one_error(damaged):
    with pytest.raises(SeedKeyError):
        unseal(damaged, "1:a")


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place, change):
    kid, _, encoded = seal(b"x" * 33, "1:a").partition(":")
    raw = bytearray(base64.b64decode(encoded))
    raw[place] ^= change
    with pytest.raises(SeedKeyError):
        unseal(f"{kid}:{base64.b64encode(raw).decode()}", "1:a")


def test_f16_the_first_key_seals_and_all_open(settings):
    settings.SEED_KEYS = FIRST
    sealed = seal(b"seed", "1:a")
    settings.SEED_KEYS = f"{SECOND} {FIRST}"
    assert unseal(sealed, "1:a") == b"seed"
    assert seal(b"seed", "1:a").startswith("second:")
    settings.SEED_KEYS = SECOND
    with pytest.raises(SeedKeyError):
        unseal(sealed, "1:a")


@pytest.mark.parametrize("text", ["", "  ", "k", "k:", "k:!!!", "k:AAAA", "k:" + base64.b64encode(bytes(31)).decode()])
def test_keys_that_cannot_be_used_are_refused(text):
    with pytest.raises(SeedKeyError):
        parse_keys(text)


def test_the_text_of_a_refusal_holds_no_key():
    with pytest.raises(SeedKeyError) as refusal:
        parse_keys("k:canary-of-a-key")
    assert "canary" not in str(refusal.value)


@pytest.mark.django_db
def test_p07_the_row_holds_no_seed_in_any_spelling(enrolled):
    row = " ".join(str(value) for value in OtpMelDevice.objects.values_list().get())
    seed = CAMILLE_SECRET.encode()
    for spelling in (CAMILLE_SECRET, seed.hex(), base64.b32encode(seed).decode(), base64.b64encode(seed).decode()):
        assert spelling.rstrip("=") not in row


@pytest.mark.django_db
def test_p07_two_rows_that_were_swapped_open_nowhere_and_raise_nobody(browser, enrolled, dominique):
    other = activate_otp_mel(dominique, DOMINIQUE_SECRET)
    mine = OtpMelDevice.objects.get(user=enrolled)
    mine.sealed_seed, other.sealed_seed = other.sealed_seed, mine.sealed_seed
    mine.save()
    other.save()
    browser.sign_in()
    for secret in (CAMILLE_SECRET, DOMINIQUE_SECRET):
        answer = browser.send_code(VERIFY, code(secret))
        assert (answer.status_int, answer.headers["Retry-After"]) == (503, "30")
    assert "Ouverte avec le mot de passe seul" in browser.get("/compte/")
    assert OtpMelDevice.objects.get(user=enrolled).failures == 0


@pytest.mark.django_db
@pytest.mark.parametrize("keys", ["", FIRST])
@pytest.mark.parametrize("page", [VERIFY, "/compte/deux-facteurs/otp-mel/retirer/"])
def test_p07_without_the_key_a_503_and_nobody_gets_in(browser, enrolled, settings, keys, page):
    browser.sign_in()
    settings.SEED_KEYS = keys
    answer = browser.send_code(page, code())
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, "30")
    assert "Ouverte avec le mot de passe seul" in browser.get("/compte/")
    device = OtpMelDevice.objects.get()
    assert (device.confirmed, device.failures, device.last_step) == (True, 0, -1)


@pytest.mark.django_db
def test_p07_without_a_key_nobody_enrols(browser, camille, settings):
    browser.sign_in()
    settings.SEED_KEYS = ""
    assert browser.send_code(ADD, code()).status_int == 503
    assert not OtpMelDevice.objects.filter(confirmed=True).exists()


@pytest.mark.django_db
def test_f16_agents_enrolled_before_a_rotation_verify_after_it(browser, enrolled, settings):
    settings.SEED_KEYS = f"{SECOND} {settings.SEED_KEYS}"
    browser.sign_in()
    browser.send_code(VERIFY, code())
    assert "Ouverte avec deux facteurs" in browser.get("/compte/")


@pytest.mark.django_db
def test_p07_an_imported_seed_is_bound_to_its_agent(camille, dominique):
    imported = ImportedSeed(agent=camille, imported_at=NOW)
    imported.seal(CAMILLE_SECRET.encode())
    imported.agent = dominique
    with pytest.raises(SeedKeyError):
        imported.seed  # noqa: B018 - opening it is what fails


def test_key_ids_that_differ_by_their_case_only_are_refused():
    """SQLite's LIKE does not tell them apart: reseal_seeds would say that nothing is left."""
    key = base64.b64encode(bytes(32)).decode()
    with pytest.raises(SeedKeyError, match="case"):
        parse_keys(f"Key1:{key} key1:{key}")
