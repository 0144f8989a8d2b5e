"""An unsafe configuration stops PIAG before it serves anything, with one line for each fault."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.servers.piag import SECRET_KEY
from tests.support.servers.programs import clean_environment, free_port

SAFE = {"PIAG_SECRET_KEY": SECRET_KEY, "PIAG_OIDC_CLIENT_SECRET": "a-secret"}
LOAD = [sys.executable, "-W", "ignore", "-c", "import piag_gateway.wsgi"]


def start(command=LOAD, **env):
    env = {name: value for name, value in (SAFE | env).items() if value is not None}
    return subprocess.run(command, cwd=ROOT, env=clean_environment() | env, capture_output=True, text=True, timeout=30)


def test_safe_settings_start():
    assert (start().returncode, start().stderr) == (0, "")


def test_each_unsafe_setting_is_one_line():
    run = start(
        PIAG_DEBUG="1",
        PIAG_SECRET_KEY=None,
        PIAG_PUBLIC_URL="http://piag.example.fr",
        PIAG_OIDC_ISSUER="http://cerbere.example.fr",
        PIAG_OIDC_CLIENT_ID="",
        PIAG_OIDC_CLIENT_SECRET=None,
        PIAG_ACR=" ",
    )
    assert run.returncode == 4
    assert run.stdout == ""
    assert [line.split()[:2] for line in run.stderr.splitlines()] == [
        ["piag:", "PIAG_DEBUG"],
        ["piag:", "PIAG_SECRET_KEY"],
        ["piag:", "PIAG_PUBLIC_URL"],
        ["piag:", "PIAG_OIDC_ISSUER"],
        ["piag:", "PIAG_OIDC_CLIENT_ID"],
        ["piag:", "PIAG_OIDC_CLIENT_SECRET"],
        ["piag:", "PIAG_ACR"],
    ]


@pytest.mark.parametrize("key", ["tiny", "x" * 64, "django-insecure-0123456789abcdef0123456789abcdef"])
def test_secret_key_that_is_none_stops_the_start(key):
    run = start(PIAG_SECRET_KEY=key)
    assert run.returncode == 4
    assert run.stderr.startswith("piag: PIAG_SECRET_KEY ")
    assert key not in run.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("PIAG_PUBLIC_URL", "https://piag.example.fr/"), ("PIAG_MAX_AGE", "soon"), ("PIAG_DATABASE_URL", "mysql://x")],
)
def test_setting_that_cannot_be_read_stops_the_start(name, value):
    run = start(**{name: value})
    assert run.returncode == 4
    assert len(run.stderr.splitlines()) == 1
    assert name in run.stderr


def test_the_server_stops_instead_of_trying_for_ever():
    command = [sys.executable, "-m", "cerbere.serve", "piag_gateway.wsgi", f"--port={free_port()}"]
    run = start(command, PIAG_OIDC_CLIENT_SECRET=None)
    assert run.returncode == 4
    assert run.stderr.count("piag: PIAG_OIDC_CLIENT_SECRET is missing") == 1


def test_secrets_may_come_from_files(tmp_path: Path):
    (tmp_path / "key").write_text(SECRET_KEY)
    assert start(PIAG_SECRET_KEY=None, PIAG_SECRET_KEY_FILE=str(tmp_path / "key")).returncode == 0


def test_nothing_of_cerbere_is_loaded_but_the_environments_reader():
    code = "import sys, piag_gateway.wsgi; print(*sorted(m for m in sys.modules if m.split('.')[0] in "
    code += "{'cerbere', 'accounts', 'twofactor'}))"
    assert start([sys.executable, "-W", "ignore", "-c", code]).stdout.split() == ["cerbere", "cerbere.env"]
