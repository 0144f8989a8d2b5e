"""The command that registers an application, and which addresses one may have."""

import json
import re

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from joserfc.jwk import RSAKey

from cerbere.provider.clients.admin import ClientForm
from cerbere.provider.clients.models import Client
from cerbere.provider.clients.redirect_uris import validate_redirect_uris, validate_web_uri
from cerbere.provider.clients.registration import FIELDS
from tests.settings import RSA_KEY, _pem
from tests.support.paths import ROOT
from tests.support.people import CALLBACK

pytestmark = pytest.mark.django_db


def register(capsys, *arguments):
    call_command("register_client", *arguments)
    return dict(line.split("=", 1) for line in capsys.readouterr().out.split())


def test_prints_the_secret_once_and_keeps_its_digest(capsys):
    printed = register(
        capsys, "wiki", "--redirect-uri", "https://a.example.fr/cb", "--redirect-uri", "https://b.example.fr/cb?x=1"
    )
    client = Client.objects.get(client_id="wiki")
    assert printed["client_id"] == "wiki"
    assert client.check_secret(printed["client_secret"])
    assert printed["client_secret"] not in str(vars(client))
    assert (client.minimum, client.pkce_required, client.id_token_alg) == (1, True, "RS256")


def test_every_option(capsys):
    register(
        capsys, "piag", "--redirect-uri", "http://localhost:8001/cb", "--minimum", "eidas2", "--pkce", "optional",
        "--alg", "ES256", "--post-logout-redirect-uri", "https://a.example.fr/", "--name", "PIAG",
        "--backchannel-logout-uri", "https://a.example.fr/out", "--claim", "email",
    )  # fmt: skip
    client = Client.objects.get()
    assert (client.minimum, client.pkce_required, client.id_token_alg) == (2, False, "ES256")
    assert (client.name, client.claims, client.backchannel_logout_uri) == (
        "PIAG",
        ["email"],
        "https://a.example.fr/out",
    )


def test_options_of_what_the_application_is_given(capsys):
    register(capsys, "wiki", "--redirect-uri", CALLBACK, "--refresh-tokens", "--userinfo-alg", "ES256")
    client = Client.objects.get()
    assert (client.refresh_tokens, client.userinfo_alg, client.jwks) == (True, "ES256", {})


def keys_file(place, content):
    path = place / "jwks.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_client_of_keys_gets_no_secret(capsys, tmp_path):
    jwks = {"keys": [RSAKey.generate_key(2048).as_dict(private=False)]}
    assert register(capsys, "wiki", "--redirect-uri", CALLBACK, "--jwks", keys_file(tmp_path, jwks)) == {
        "client_id": "wiki"
    }
    client = Client.objects.get()
    assert (client.jwks, client.secret_digest) == (jwks, "")


NO_KEYS = {
    "no JSON": ("-----BEGIN PUBLIC KEY-----", "jwks.json"),
    "too deep": ("[" * 100_000, "jwks.json"),
    "nothing": ({}, "jeu de clés"),
    "no keys": ({"keys": []}, "jeu de clés"),
    "a key alone": (RSAKey.generate_key(2048).as_dict(private=False), "jeu de clés"),
    "a private key": ({"keys": [RSAKey.generate_key(2048).as_dict(private=True)]}, "aucune clé privée"),
    "a secret": ({"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}]}, "Des clés publiques"),
}


@pytest.mark.parametrize(("content", "told"), NO_KEYS.values(), ids=NO_KEYS)
def test_a_file_without_public_keys_is_told_in_one_line(tmp_path, content, told):
    with pytest.raises(CommandError, match=told) as refusal:
        call_command("register_client", "wiki", "--redirect-uri", CALLBACK, "--jwks", keys_file(tmp_path, content))
    assert "\n" not in str(refusal.value)
    assert not Client.objects.exists()


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CommandError, match=r"none\.json"):
        call_command("register_client", "wiki", "--redirect-uri", CALLBACK, "--jwks", str(tmp_path / "none.json"))


def test_what_may_be_set_is_the_same_everywhere():
    """In the administration, in the reviewed file and in its documentation."""
    assert list(ClientForm.base_fields) == ["client_id", *FIELDS]
    text = (ROOT / "docs" / "clients.md").read_text()
    assert not [name for name in FIELDS if not re.search(rf"\b{name}\b", text)]
    assert not {"secret_digest", "previous_secret_digest", "created_at"} & set(FIELDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["piag"],
        ["pi ag", "--redirect-uri", "https://a.fr/"],
        ["piag", "--redirect-uri", "http://a.fr/"],
        ["piag", "--redirect-uri", "https://a.fr/", "--userinfo-alg", "none"],
    ],
)
def test_refuses_in_one_line_and_registers_nothing(arguments):
    with pytest.raises(CommandError):
        call_command("register_client", *arguments)
    assert not Client.objects.exists()


@pytest.mark.parametrize("option", ["--alg", "--userinfo-alg"])
def test_refuses_an_algorithm_without_a_key(settings, option):
    settings.SIGNING_KEYS = _pem(RSA_KEY)
    with pytest.raises(CommandError, match="ES256"):
        call_command("register_client", "piag", "--redirect-uri", "https://a.example.fr/", option, "ES256")


def test_refuses_a_name_that_is_taken(capsys, wiki):
    with pytest.raises(CommandError):
        call_command("register_client", "wiki", "--redirect-uri", "https://a.example.fr/")


SOUND = [
    "https://a.example.fr/cb",
    "https://a.example.fr:8443/cb?oidc=1",
    "http://localhost:1/x",
    "http://127.0.0.1/",
    "http://[::1]:3/",
]
FAULTY = [
    "http://a.example.fr/", "https://*.example.fr/", "https://a.example.fr/*", "https://a.example.fr/#x", "https://u:p@a.fr/",
    "ftp://a.fr/", "javascript:alert(1)", "//a.fr/", "https://", "https:///x", "https://a.fr/ x", "https://a.fr/\\x",
    "https://a.fr:99999/", "https://a.fr/é", "https://a.fr/" + "x" * 2000, "https://a.fr/\n", "", "http://localhost.evil.test/",
]  # fmt: skip


@pytest.mark.parametrize("uri", SOUND)
def test_sound_address(uri):
    validate_web_uri(uri)


@pytest.mark.parametrize("uri", FAULTY)
def test_a05_faulty_address(uri):
    with pytest.raises(ValidationError):
        validate_web_uri(uri)


@pytest.mark.parametrize("uris", ["https://a.fr/", {"a": 1}, ["https://a.fr/", "https://a.fr/"], [1], [None]])
def test_not_a_list_of_addresses(uris):
    with pytest.raises(ValidationError):
        validate_redirect_uris(uris)
