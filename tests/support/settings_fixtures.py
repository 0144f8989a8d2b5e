"""The settings as an environment gives them, and what the start has against them.

A module of tests asks for these by `pytest_plugins = ["tests.support.settings_fixtures"]`.
"""

import os
import runpy

import pytest

from cerbere.checks import unsafe
from tests.support.environment import sound
from tests.support.paths import ROOT

SETTINGS = str(ROOT / "cerbere" / "settings.py")
CHECKED = ("DEBUG", "DEMO", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "HTTPS", "PUBLIC_URL", "SEED_KEYS", "SIGNING_KEYS",
           "PAIRWISE_SALT")  # fmt: skip


@pytest.fixture
def read(monkeypatch):
    """The settings module itself, read anew with exactly these variables."""

    def run(environment):
        for name in [name for name in os.environ if name.startswith("CERBERE_")]:
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(SETTINGS)

    return run


@pytest.fixture
def faults(read, settings):
    """The lines for these variables beside the sound ones; None takes one out."""

    def find(changes):
        environment = {name: value for name, value in (sound() | changes).items() if value is not None}
        values = read(environment)
        for name in (*CHECKED, *(name for name in values if name.startswith("MELOTP_"))):
            setattr(settings, name, values[name])
        return [f"{name} {fault}" for name, fault in unsafe()]

    return find
