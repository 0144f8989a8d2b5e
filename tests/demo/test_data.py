"""The demo's settings, and what is put into its databases."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Agent
from cerbere.demo import bnum
from cerbere.demo.data import add_people, register_piag
from cerbere.demo.environment import Demo, get_current_demo
from cerbere.demo.help_text import build_demo_code_command
from cerbere.demo.management.commands.demo_code import Command as DemoCode
from cerbere.demo.people import PEOPLE
from cerbere.provider.clients.models import Client
from cerbere.provider.hashes import digest
from tests.support import people
from tests.support.paths import ROOT
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.sources import get_source
from twofactor.strength import Strength


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("PORT", "0"), ("PIAG_PORT", "65536"), ("PIAG_PORT", "8000"), ("DEMO_PASSWORD", "trop court")],
)
def test_settings_that_cannot_be_used_are_refused(monkeypatch, name, value):
    monkeypatch.setenv("PORT", "8000")
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"^cerbere: {name}: "):
        get_current_demo()


def test_the_usual_demo(monkeypatch):
    for name in ("PORT", "PIAG_PORT", "DEMO_DIR", "DEMO_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(ROOT)
    demo = get_current_demo()
    assert demo == Demo(ROOT / ".demo", 8000, 8001)
    assert build_demo_code_command(demo) == "make demo-code LOGIN=agent.bnum"


def test_each_program_gets_its_own_settings_only(monkeypatch, tmp_path):
    monkeypatch.setenv("CERBERE_MARQUE", "stray")
    monkeypatch.setenv("PIAG_ACR", "stray")
    monkeypatch.setenv("GRANIAN_WORKERS", "9")
    demo = Demo(tmp_path, 8000, 8001)
    cerbere, piag = demo.cerbere_environment(), demo.piag_environment()
    assert "stray" not in [*cerbere.values(), *piag.values()]
    assert "GRANIAN_WORKERS" not in cerbere | piag
    assert [name for name in piag if name.startswith("CERBERE_")] == []
    assert [name for name in cerbere if name.startswith("PIAG_")] == ["PIAG_PORT"]


def test_a_wanted_password_goes_before_the_kept_one(monkeypatch, tmp_path):
    demo = Demo(tmp_path, 8000, 8001)
    demo.write_file("password", "le mot de passe gardé")
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)
    assert demo.choose_password() == "le mot de passe gardé"
    monkeypatch.setenv("DEMO_PASSWORD", "le mot de passe voulu")
    assert demo.choose_password() == "le mot de passe voulu"


@pytest.fixture
def filled(db, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # four people, each time
    for person in PEOPLE:
        if person.on_bnum:
            people.put_on_bnum(person.uid, f"secret-of-{person.uid:*<10.10}")
    add_people("le premier mot de passe", reset_passwords=True, now=timezone.now())


def test_agents_have_their_situation(filled):
    state = {
        agent.uid: (get_source().look_up(agent.uid)[0].value, hasattr(agent, "otp_mel"), agent.is_superuser)
        for agent in Agent.objects.all()
    }
    assert state == {
        "agent.bnum": ("present", False, False), "agent.sansbnum": ("absent", False, False),
        "agent.enrole": ("present", True, False), "admin": ("present", True, True),
    }  # fmt: skip
    assert all(device.confirmed for device in OtpMelDevice.objects.all())


def test_agents_sign_in_with_the_password_and_the_phones_code(filled, browser):
    browser.sign_in("agent.enrole", "le premier mot de passe")
    seed = get_source().look_up("agent.enrole")[1].decode()
    assert browser.send_code("/verification/", people.code(seed)).location.endswith("/compte/")


def test_what_was_done_in_the_demo_stays(filled):
    people.activate_otp_mel(Agent.objects.get(uid="agent.bnum"))
    OtpMelDevice.objects.get(user__uid="agent.enrole").remove()
    changed = Agent.objects.get(uid="admin")
    changed.set_password("un autre mot de passe")
    changed.save()
    add_people("le premier mot de passe", reset_passwords=False, now=timezone.now())
    confirmed = dict(OtpMelDevice.objects.values_list("user__uid", "confirmed"))
    assert confirmed == {"agent.bnum": True, "agent.enrole": False, "admin": True}
    assert Agent.objects.get(uid="admin").check_password("un autre mot de passe")


def test_a_new_demo_password_is_everybodys(filled):
    add_people("le second mot de passe", reset_passwords=True, now=timezone.now())
    assert all(agent.check_password("le second mot de passe") for agent in Agent.objects.all())


def test_piag_demands_two_factors_and_follows_its_port(db):
    register_piag("http://localhost:8001", "a-secret")
    register_piag("http://localhost:8101", "a-secret")
    client = Client.objects.get()
    assert client.redirect_uris == ["http://localhost:8101/oidc/callback/"]
    assert client.post_logout_redirect_uris == ["http://localhost:8101/"]
    assert (client.minimum, client.secret_digest) == (Strength.TWO_FACTOR, digest("a-secret"))


def test_addresses_added_to_piag_stay(db):
    register_piag("http://localhost:8001", "a-secret")
    client = Client.objects.get()
    client.redirect_uris.append("http://localhost:9999/")
    client.save()
    register_piag("http://localhost:8001", "a-secret")
    assert Client.objects.get().redirect_uris == ["http://localhost:8001/oidc/callback/", "http://localhost:9999/"]


def test_the_bnums_secrets_are_made_once(tmp_path):
    bnum.fill_database(tmp_path / "bnum.sqlite3")
    entry = bnum.get_provisioning_uri(tmp_path / "bnum.sqlite3", "agent.bnum")
    bnum.fill_database(tmp_path / "bnum.sqlite3")
    assert bnum.get_provisioning_uri(tmp_path / "bnum.sqlite3", "agent.bnum") == entry


def test_demo_code_knows_agents_by_their_mail_too(filled):
    out = io.StringIO()
    call_command(DemoCode(), "claire.fontaine@example.fr", stdout=out)
    assert out.getvalue().strip() in {people.code("secret-of-agent.bnum", steps) for steps in (-1, 0)}


def test_demo_code_without_an_entry_on_the_bnum(filled):
    with pytest.raises(CommandError, match=r"agent\.sansbnum n’a pas d’entrée utilisable sur le Bnum \(absent\)"):
        call_command(DemoCode(), "agent.sansbnum")


def test_demo_code_when_the_bnum_does_not_answer(filled, settings):
    settings.MELOTP_TABLE = "no_such_table"
    with pytest.raises(CommandError, match="la base du Bnum ne répond pas"):
        call_command(DemoCode(), "agent.bnum")
