"""Signing keys: what they may be, and rotation under running nodes."""

import base64
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import CommandError, call_command

from cerbere.provider.keys import signing
from cerbere.provider.keys.ring import SigningKeyError, parse_signing_keys
from cerbere.provider.keys.rotation import add_signing_key
from tests.settings import EC_KEY, RSA_KEY, _pem

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def traditional(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def public(key):
    from cryptography.hazmat.primitives.serialization import PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("text", [_pem(RSA_KEY), traditional(RSA_KEY), _pem(RSA_KEY) + traditional(EC_KEY)])
def test_every_usual_form_of_key_is_read(text):
    assert (
        parse_signing_keys(text).get_signing_key("RS256", NOW).kid
        == parse_signing_keys(_pem(RSA_KEY)).get_signing_key("RS256", NOW).kid
    )


FAULTY = {
    "nothing": "", "words": "a key", "an EC key alone": _pem(EC_KEY), "a public key": public(RSA_KEY),
    "a short RSA key": _pem(rsa.generate_private_key(65537, 1024)),
    "another curve": _pem(RSA_KEY) + _pem(ec.generate_private_key(ec.SECP384R1())),
    "a cut key": _pem(RSA_KEY)[:200] + "\n-----END PRIVATE KEY-----",
    "a wrong date": "# activates soon\n" + _pem(RSA_KEY),
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTY.values(), ids=FAULTY)
def test_f17_a_faulty_key_is_told(text):
    with pytest.raises(SigningKeyError):
        parse_signing_keys(text)


def kids(text):
    return [known.key.kid for known in parse_signing_keys(text).keys]


def signer(text, at):
    return parse_signing_keys(text).get_signing_key("RS256", at).kid


def test_u04_a_new_key_is_published_before_it_signs_and_the_old_kept_after():
    first = _pem(RSA_KEY) + _pem(EC_KEY)
    second = add_signing_key(first, "RS256", timedelta(hours=24), NOW)
    old, new = kids(first)[0], kids(second)[-1]
    assert kids(second) == [*kids(first), new]
    assert [signer(second, NOW + timedelta(hours=hours)) for hours in (0, 23, 24, 100)] == [old, old, new, new]
    third = add_signing_key(second, "RS256", timedelta(hours=24), NOW + timedelta(hours=47))
    assert kids(third)[:-1] == kids(second), "the old key still verifies what it signed"
    fourth = add_signing_key(third, "RS256", timedelta(hours=24), NOW + timedelta(hours=48))
    assert old not in kids(fourth)
    assert new in kids(fourth)


def test_the_old_key_leaves_the_published_set_by_itself():
    text = add_signing_key(_pem(RSA_KEY), "RS256", timedelta(hours=24), NOW)
    published = [
        len(parse_signing_keys(text).get_published_keys(NOW + timedelta(hours=hours)).keys) for hours in (0, 24, 47, 48)
    ]
    assert published == [2, 2, 2, 1]


MANGLED = [
    '{"alg":["RS256"]}', '{"alg":"RS256","crit":5}', '{"alg":"RS256","crit":[{}]}', '["alg"]', '"alg"', "1", "null",
    "{", '{"alg":"RS256","kid":{}}', '{"alg":"none"}', '{"alg":"RS256","b64":false}', "[" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("header", MANGLED)
def test_h08_a_mangled_token_is_none_of_ours_and_no_fault(header):
    encoded = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
    assert signing.read_own_token(f"{encoded}.e30.AAAA") is None
    assert signing.read_own_token(f"{encoded}.{encoded}.") is None


def test_only_id_tokens_are_hints():
    sound = {"iss": "http://localhost:8000", "sub": "x", "aud": "wiki"}
    assert signing.read_own_token(signing.sign_token(sound, "RS256")) is None
    assert signing.read_own_token(signing.sign_token(sound | {"at_hash": "x"}, "RS256"))["sub"] == "x"


def test_rotating_one_algorithm_leaves_the_other():
    text = add_signing_key(_pem(RSA_KEY) + _pem(EC_KEY), "ES256", timedelta(0), NOW)
    assert signer(text, NOW) == signer(_pem(RSA_KEY), NOW)
    assert parse_signing_keys(text).get_signing_key("ES256", NOW).kid == kids(text)[-1]


@pytest.fixture
def file(tmp_path, settings, monkeypatch):
    path = tmp_path / "signing_keys"
    path.write_text(_pem(RSA_KEY))
    path.chmod(0o640)
    settings.SIGNING_KEYS_FILE, settings.SIGNING_KEYS = str(path), path.read_text()
    monkeypatch.setattr(signing, "_keys_file", signing.SigningKeysFile())
    return path


def look_again(monkeypatch):
    monkeypatch.setattr(signing, "CHECK_INTERVAL", 0)


@pytest.mark.django_db
def test_f16_the_command_reaches_a_running_node(file, monkeypatch, capsys):
    before = signing.sign_token({"iss": "http://localhost:8000", "sub": "x", "aud": "wiki", "at_hash": "x"}, "RS256")
    call_command("rotate_signing_key", "--publish-hours", "1")
    assert "published now" in capsys.readouterr().out
    look_again(monkeypatch)
    assert len(signing.export_public_jwks()["keys"]) == 2
    assert signing.sign_token({}, "RS256").split(".")[0] == before.split(".")[0]
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1, seconds=1)):
        assert signing.sign_token({}, "RS256").split(".")[0] != before.split(".")[0]
        assert signing.read_own_token(before)["sub"] == "x"
    assert oct(file.stat().st_mode & 0o777) == "0o640"
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("content", ["", "garbage", None])
def test_a_file_that_went_wrong_changes_nothing_for_a_running_node(file, monkeypatch, content):
    before = signing.export_public_jwks()
    look_again(monkeypatch)
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    assert signing.export_public_jwks() == before


@pytest.mark.django_db
def test_the_command_needs_a_file_and_spoils_none(file, settings):
    file.write_text("garbage")
    with pytest.raises(CommandError):
        call_command("rotate_signing_key")
    assert Path(file).read_text() == "garbage"
    file.write_text("")
    with pytest.raises(CommandError, match="0 or more"):
        call_command("rotate_signing_key", "--publish-hours=-1")
    settings.SIGNING_KEYS_FILE = ""
    with pytest.raises(CommandError):
        call_command("rotate_signing_key")
