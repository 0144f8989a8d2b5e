"""`manage.py check_source` tells an operator what each step answers, and never a secret."""

import io
import os
import subprocess
import sys

import pytest
import time_machine
from django.core.management import CommandError, call_command

from tests.support.certificates import Authority
from tests.support.fakes import fake_bnum, fake_bnum_http
from tests.support.paths import ROOT
from tests.support.people import CAMILLE_BASE32, CAMILLE_SECRET, NOW, code, put_on_bnum, wrong_code
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = pytest.mark.django_db
CAMILLE = "camille.durand"


@pytest.fixture
def check(monkeypatch):
    """Return a function that runs the command for a login and maybe a code, and gives its output and error."""

    def run(login=CAMILLE, typed=None):
        out = io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
        try:
            call_command("check_source", login, code=typed is not None, stdout=out)
        except CommandError as error:
            return out.getvalue() + f"FAILED {error}"
        return out.getvalue()

    return run


@pytest.fixture
def bnum(settings):
    settings.MELOTP_DEADLINE = 0.3
    settings.MELOTP_TOKEN = settings.MELOTP_PASSWORD = "canary"
    settings.MELOTP_USER = "cerbere"
    settings.MELOTP_SOAP_NAMESPACE = fake_bnum_http.NAMESPACE
    return fake_bnum.FakeBnum({CAMILLE: CAMILLE_SECRET})


def words(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_secret_of_the_table(check, camille):
    assert words(check()) == [
        "settings source database", "connection open to SQLite", "table dynalogin_user can be read",
        "agent camille.durand: present",
        "secret 160 bits", "encoding raw; it could be read as hex too: only a code tells",
    ]  # fmt: skip


def test_a_login_may_be_an_address(check, camille):
    assert "agent       camille.durand: present" in check("Camille.Durand@example.fr")


def test_somebody_whom_cerbere_does_not_know(check, db):
    put_on_bnum("loic.martin", "abcdefgh")
    told = check(" Loic.Martin ")
    assert "unknown to Cerbère" in told
    assert "loic.martin: present" in told
    assert "64 bits, fewer than the 80 that are advised" in told


@pytest.mark.parametrize(("row", "state"), [({"locked": 1}, "locked"), ({"scheme": "HOTP"}, "unsupported")])
def test_a_secret_that_cannot_serve(check, db, row, state):
    put_on_bnum(CAMILLE, **row)
    assert check().endswith(f"{CAMILLE}: {state}\nFAILED this agent cannot use OTP Mél")


def test_nobody_there(check, sasha):
    assert "sasha.petit: absent" in check("sasha.petit")


def test_a_code_of_a_secret_that_was_given_is_not_burnt(check, enrolled):
    before = OtpMelDevice.objects.get().last_step
    assert words(check(typed=f" {code()[:3]} {code()[3:]}"))[-1] == "code right"
    assert OtpMelDevice.objects.get().last_step == before
    assert words(check(typed=wrong_code()))[-2:] == ["code wrong", "FAILED the code is not right"]
    assert "compare the phone's clock" in check(typed=code(steps=7))
    assert check(typed="12345").endswith("FAILED a code is six digits")


@pytest.mark.parametrize(
    ("declared", "text", "real"),
    [
        ("raw", CAMILLE_BASE32, "base32"),
        ("raw", CAMILLE_SECRET.encode().hex(), "hex"),
        ("base32", "ABCDEFGHIJKLMNOP", "raw"),
    ],
)
def test_a_wrong_encoding_is_found_out(check, db, settings, declared, text, real):
    settings.MELOTP_ENCODING = declared
    put_on_bnum(CAMILLE, text)
    typed = code(text if real == "raw" else CAMILLE_SECRET)
    told = check(typed=typed)
    assert f"wrong; right if CERBERE_MELOTP_ENCODING were {real}" in told
    for private in (text, CAMILLE_SECRET, typed):
        assert private not in told


def test_the_daemon_over_tls(check, bnum, camille, settings, tmp_path):
    authority = Authority(tmp_path)
    settings.MELOTP_SOURCE, settings.MELOTP_CA = "dynalogind", authority.pem
    certificate = authority.issue("localhost")
    with time_machine.travel(NOW, tick=False), fake_bnum.dynalogind(bnum, certificate) as settings.MELOTP_URL:
        told = check(typed=code())
        assert "TLS         TLSv1.3, certificate good until " in told
        assert "greeting    220" in told
        assert "the source burns it" in told
        assert words(told)[-1] == "code right"
        assert words(check(typed=code()))[-2:] == [
            "code refused: wrong, used, or no such account", "FAILED the code is not right",
        ]  # fmt: skip


@pytest.mark.parametrize(("source", "serve"), [("webservice", "webservice"), ("http", "agents")])
def test_over_http(check, bnum, camille, settings, source, serve):
    settings.MELOTP_SOURCE = source
    with getattr(fake_bnum_http, serve)(bnum) as settings.MELOTP_URL:
        told = check(typed=code())
        assert "HTTP        status 200, " in told
        assert words(told)[-1] == "code right"
        bnum.mode = "html"
        failed = check()
        assert "HTTP        status 200, text/html" in failed
        assert "FAILED unavailable: " in failed
    for private in ("canary", CAMILLE_SECRET, CAMILLE_BASE32, code()):
        assert private not in told + failed


@pytest.mark.parametrize("address", ["tcp://localhost:1", "tls://no-such-name.invalid:9050"])
def test_a_step_that_fails_is_the_last(check, bnum, camille, settings, address):
    settings.MELOTP_SOURCE, settings.MELOTP_URL = "dynalogind", address
    told = words(check())
    assert told[0] == "settings source dynalogind"
    assert told[1].startswith("FAILED unavailable: ")


def test_the_status_of_the_program_tells_it():
    program = [sys.executable, "manage.py", "check_source", CAMILLE]
    settings = {"CERBERE_MELOTP_SOURCE": "dynalogind", "CERBERE_MELOTP_URL": "canary"}
    done = subprocess.run(program, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "CommandError: the settings cannot be used\n")
    assert "canary" not in done.stdout


def test_settings_that_cannot_be_used_are_told_first(check, bnum, camille, settings):
    settings.MELOTP_SOURCE, settings.MELOTP_URL = "http", "http://bnum.example.fr"
    assert words(check()) == [
        "settings CERBERE_MELOTP_URL must be https outside this machine", "FAILED the settings cannot be used",
    ]  # fmt: skip


def test_an_answer_cannot_write_to_the_terminal(check, bnum, camille, settings):
    settings.MELOTP_SOURCE = "http"
    bnum.mode = "coloured"
    with fake_bnum_http.agents(bnum) as settings.MELOTP_URL:
        told = check()
    assert "HTTP        status 200, text/?[31m" in told
