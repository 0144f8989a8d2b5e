"""An agent's journey with the secrets of a source on the network."""

import html
import time

import pytest
import time_machine

from tests import fake_bnum, fake_bnum_http
from tests.people import CAMILLE_SECRET, NOW, Browser, code, make_agent
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = pytest.mark.django_db
CAMILLE = "camille.durand"
ADD, VERIFY = "/compte/deux-facteurs/otp-mel/", "/verification/"
DOWN = "Indisponible pour le moment : le Bnum ne répond pas."


@pytest.fixture
def bnum(settings):
    settings.MELOTP_TOKEN = "canary"
    bnum = fake_bnum.set_up(settings, "http")
    make_agent(CAMILLE)
    with time_machine.travel(NOW, tick=False) as bnum.clock, fake_bnum_http.agents(bnum) as settings.MELOTP_URL:
        yield bnum


def text(response):
    return " ".join(html.unescape(response.text).split())


def test_t20_a_code_that_served_on_the_bnum_serves_once_more_here(bnum, browser):
    """Seeded: each of the two has its own memory of codes."""
    browser.sign_in()
    assert bnum.is_right(CAMILLE, code())
    browser.enrol()
    assert OtpMelDevice.objects.get().confirmed
    elsewhere = Browser("203.0.113.5")
    elsewhere.sign_in()
    assert "Code incorrect ou déjà utilisé" in text(elsewhere.send_code(VERIFY, code()))


def test_t20_and_the_reverse(bnum, browser):
    browser.sign_in()
    browser.enrol()
    assert bnum.is_right(CAMILLE, code())


@pytest.mark.parametrize("mode", ["slow", "drip_body", "reset", "error", "html", "empty", "huge"])
def test_f09_f10_a_bnum_in_trouble_stops_enrolment_only(bnum, browser, settings, mode, caplog):
    browser.sign_in()
    page = browser.get(ADD)
    bnum.mode = mode
    start = time.perf_counter()
    refused = browser.send_code(page, code())
    assert (refused.status_int, DOWN in text(refused)) == (503, True)
    assert DOWN in text(browser.get("/compte/"))
    assert time.perf_counter() - start < 2
    assert not OtpMelDevice.objects.exists()
    for secret in (CAMILLE_SECRET, code(), "canary"):
        assert secret not in caplog.text


@pytest.mark.parametrize("mode", ["slow", "html", "reset"])
def test_f09_who_is_enrolled_keeps_signing_in_and_keeps_the_good_seed(bnum, browser, mode):
    browser.sign_in()
    browser.enrol()
    bnum.clock.shift(60)
    bnum.mode = mode
    before = OtpMelDevice.objects.get().sealed_seed
    browser.sign_in()
    browser.send_code(VERIFY, code())
    assert "Ouverte avec deux facteurs" in browser.get("/compte/")
    assert OtpMelDevice.objects.get().sealed_seed == before


def test_t21_sha_256_is_told_not_a_loop_of_wrong_codes(bnum, browser):
    bnum.answer = {"algorithm": "SHA256"}
    browser.sign_in()
    assert "n’est pas pris en charge par Cerbère" in text(browser.get(ADD))
    assert not OtpMelDevice.objects.exists()
