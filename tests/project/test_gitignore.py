"""Git takes none of the secrets that the documentation has an operator make."""

import subprocess

import pytest

from tests.support.paths import ROOT


@pytest.mark.parametrize("path", ["secrets/seed_keys", "secrets/signing_keys", ".env", ".demo/secrets/signing_keys"])
def test_git_ignores_secrets(path):
    assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False).returncode == 0
