"""Clients as a file: a dry run that tells the difference, all or nothing, secrets once."""

import pytest
from django.core.management import CommandError, call_command
from joserfc.jwk import RSAKey

from cerbere.audit.models import AuditEvent
from cerbere.provider.clients.models import Client

pytestmark = pytest.mark.django_db
PIAG = """
[clients.piag]
name = "PIAG"
redirect_uris = ["https://piag.example.fr/cb"]
minimum = "eidas2"
claims = ["uid", "email"]
"""


@pytest.fixture
def run(tmp_path, capsys):
    def act(content, *options):
        path = tmp_path / "clients.toml"
        path.write_text(content)
        call_command("apply_clients", str(path), *options)
        return capsys.readouterr().out

    return act


def test_a_dry_run_tells_and_changes_nothing(run):
    told = run(PIAG)
    assert "+ piag\n" in told
    for line in ("redirect_uris: ['https://piag.example.fr/cb']", "minimum: 2", "pkce_required: True"):
        assert f"    {line}\n" in told
    assert not Client.objects.exists()


def test_applying_prints_new_secrets_once(run):
    first = run(PIAG, "--apply")
    client = Client.objects.get()
    assert client.check_secret(first.partition("client_secret=")[2].strip())
    assert (client.minimum, client.claims) == (2, ["uid", "email"])
    again = run(PIAG, "--apply")
    assert "= piag" in again
    assert "client_secret" not in again


def test_the_difference_is_told_field_by_field_and_applied(run):
    run(PIAG, "--apply")
    digest = Client.objects.get().secret_digest
    changed = PIAG.replace('minimum = "eidas2"\n', "").replace("PIAG", "IA")
    told = run(changed, "--apply")
    assert "    minimum: 2 -> 1\n    name: 'PIAG' -> 'IA'" in told
    client = Client.objects.get()
    assert (client.name, client.minimum, client.secret_digest) == ("IA", 1, digest)
    assert AuditEvent.objects.get(name="client:changed:by_file").detail == {"fields": "minimum, name"}


def test_other_clients_are_named_and_left(run, wiki):
    assert "? wiki (not in the file" in run(PIAG, "--apply")
    wiki.refresh_from_db()
    assert wiki.enabled


FAULTS = {
    "not TOML": "x",
    "no table": 'clients = "x"',
    "a value": "[clients]\npiag = 1",
    "an unknown field": PIAG + "secret = 1",
    "an http address": PIAG.replace("https://piag", "http://piag"),
    "a wildcard": PIAG.replace("piag.example", "*.example"),
    "a fragment": PIAG.replace("/cb", "/#cb"),
    "no address": PIAG.replace('"https://piag.example.fr/cb"', ""),
    "an unknown level": PIAG.replace("eidas2", "eidas9"),
    "an unknown claim": PIAG.replace("email", "password"),
    "twice the same acr": PIAG + 'acr_password = "x"\nacr_two_factor = "x"',
    "an unknown algorithm": PIAG + 'id_token_alg = "none"',
    "a sector without a salt": PIAG + 'sector = "a"',
    "keys that are none": PIAG + 'jwks = { keys = [{ kty = "oct", k = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0" }] }',
}


@pytest.mark.parametrize("content", FAULTS.values(), ids=FAULTS)
def test_a_fault_anywhere_changes_nothing(run, content):
    sound = '[clients.wiki]\nredirect_uris = ["https://wiki.example.fr/"]\n'
    with pytest.raises(CommandError):
        run((sound if "[clients.piag]" in content else "") + content, "--apply")
    assert not Client.objects.exists()


def test_a_client_of_keys_gets_no_secret(run):
    public = RSAKey.generate_key(2048).as_dict(private=False)
    keys = ", ".join(f'{name} = "{value}"' for name, value in public.items())
    assert "client_secret" not in run(f"{PIAG}jwks = {{ keys = [{{ {keys} }}] }}", "--apply")


def test_a_private_key_sent_by_mistake_is_refused(run):
    private = RSAKey.generate_key(2048).as_dict(private=True)
    keys = ", ".join(f'{name} = "{value}"' for name, value in private.items())
    with pytest.raises(CommandError, match="privée"):
        run(f"{PIAG}jwks = {{ keys = [{{ {keys} }}] }}", "--apply")


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(CommandError):
        call_command("apply_clients", "/no/such/file.toml")
