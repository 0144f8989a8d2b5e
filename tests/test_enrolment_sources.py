"""What the agent is told when the Bnum has no usable secret, or does not answer."""

import html
from datetime import timedelta

import pytest
from django.db import connections

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.people import activate_otp_mel, code, make_agent, put_on_bnum
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
ADD, VERIFY = "/compte/deux-facteurs/otp-mel/", "/verification/"
ABSENT = "Indisponible : aucune application n’est enregistrée pour vous sur le Bnum."
LOCKED = "Indisponible : votre application est bloquée sur le Bnum."
UNSUPPORTED = "Indisponible : le réglage de votre application sur le Bnum n’est pas pris en charge par Cerbère."
DOWN = "Indisponible pour le moment : le Bnum ne répond pas."


def text(response):
    return " ".join(html.unescape(response.text).split())


def set_secret(secret):
    with connections["bnum"].cursor() as cursor:
        cursor.execute("UPDATE dynalogin_user SET secret = %s WHERE userid = 'camille.durand'", [secret])


STATES = [
    (lambda: put_on_bnum("camille.durand", locked=1), LOCKED),
    (lambda: put_on_bnum("camille.durand", scheme="HOTP"), UNSUPPORTED),
    (lambda: put_on_bnum("camille.durand", scheme=""), UNSUPPORTED),
    (lambda: put_on_bnum("camille.durand", password="1234"), UNSUPPORTED),
    (lambda: put_on_bnum("camille.durand", ""), UNSUPPORTED),
    (lambda: put_on_bnum("camille.durand", "clé de vingt octets"), UNSUPPORTED),
    (lambda: set_secret(None), UNSUPPORTED),
    (lambda: set_secret(b"\xff\xfe\x00 a blob"), UNSUPPORTED),
]


@pytest.mark.parametrize(("prepare", "message"), STATES)
def test_e08_a_secret_that_cannot_serve_is_told_and_nothing_is_made(browser, camille, prepare, message):
    prepare()
    browser.sign_in()
    page = browser.get(ADD)
    assert (page.status_int, message in text(page)) == (200, True)
    assert message in text(browser.get("/compte/"))
    assert not OtpMelDevice.objects.exists()


@pytest.mark.parametrize(("prepare", "message"), STATES)
def test_e08_nor_when_it_happens_while_the_page_is_open(browser, camille, prepare, message):
    browser.sign_in()
    page = browser.get(ADD)
    prepare()
    assert message in text(browser.send_code(page, code()))
    assert not OtpMelDevice.objects.exists()


def test_e08_no_application_on_the_bnum(browser, sasha):
    browser.sign_in("sasha.petit")
    assert ABSENT in text(browser.get(ADD))
    assert "Activez d’abord l’authentification à deux facteurs dans les paramètres du Bnum" in text(browser.get(ADD))
    assert not OtpMelDevice.objects.exists()


def test_e08_a_uid_longer_than_the_bnums_column_is_never_looked_up(browser, db):
    """The first 32 characters may be the uid of somebody else."""
    uid = "camille.durand-de-la-tour-du-pin-et-fils"
    put_on_bnum(uid[:32])
    make_agent(uid)
    browser.sign_in(uid)
    assert UNSUPPORTED in text(browser.get(ADD))


def test_f09_a_bnum_that_is_down_is_a_503_and_counts_nothing(browser, camille, settings):
    browser.sign_in()
    page = browser.get(ADD)
    settings.MELOTP_TABLE = "no_such_table"
    for answer in (browser.get(ADD, expect_errors=True), browser.send_code(page, code())):
        assert (answer.status_int, answer.headers["Retry-After"]) == (503, "60")
        assert DOWN in text(answer)
        assert "Aucun essai n’a été compté." in text(answer)
    assert not OtpMelDevice.objects.exists()
    assert set(AuditEvent.objects.values_list("name", "agent")) == {
        (Event.SIGN_IN_ACCEPTED, "camille.durand"), (Event.SOURCE_UNAVAILABLE, "camille.durand"),
    }  # fmt: skip


def test_f09_the_account_page_stays_up_while_the_bnum_is_down(browser, camille, settings):
    browser.sign_in()
    settings.MELOTP_TABLE = "no_such_table"
    account = browser.get("/compte/")
    assert DOWN in text(account)
    assert "Ajouter méthode" not in account


def test_f09_an_agent_who_is_enrolled_verifies_while_the_bnum_is_down(browser, enrolled, settings):
    settings.MELOTP_TABLE = "no_such_table"
    browser.sign_in()
    browser.send_code(VERIFY, code())
    assert "Ouverte avec deux facteurs" in browser.get("/compte/")


def test_f09_service_resumes_by_itself(browser, camille, settings):
    browser.sign_in()
    settings.MELOTP_TABLE = "no_such_table"
    browser.get(ADD, expect_errors=True)
    settings.MELOTP_TABLE = "dynalogin_user"
    browser.enrol()
    assert OtpMelDevice.objects.get().confirmed


def test_the_account_page_offers_the_method_that_can_be_added(browser, camille):
    browser.sign_in()
    account = browser.get("/compte/")
    assert "Non activée" in account
    assert "L’application déjà configurée pour le Bnum. Rien à installer." in text(account)
    assert "Ajouter méthode" in account


def test_the_account_page_says_since_when_the_method_is_active_and_when_it_served(browser, enrolled, clock):
    browser.sign_in()
    clock.shift(timedelta(minutes=67))
    browser.send_code(VERIFY, code())
    account = text(browser.get("/compte/"))
    assert "Activée le" in account
    assert ">11 h 07<" in account
    assert "Retirer OTP Mél" in account
    assert "Ajouter méthode" not in account


def test_an_active_method_is_not_looked_up_on_the_bnum(browser, camille, settings):
    activate_otp_mel(camille)
    settings.MELOTP_TABLE = "no_such_table"
    browser.sign_in()
    assert "Retirer OTP Mél" in text(browser.get("/compte/"))
