"""docs/audit.md says what the audit log holds: neither more nor less."""

import re

from cerbere.audit.events import Event
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "audit.md").read_text()
SOURCES = [path for package in ("accounts", "twofactor", "cerbere") for path in (ROOT / package).rglob("*.py")]


def test_every_event_is_explained_once_and_nothing_else():
    explained = re.findall(r"^\| `(\w+:[\w:]+)` \|", PAGE, re.MULTILINE)
    assert sorted(explained) == sorted(event.value for event in Event)


def test_names_keep_the_grammar():
    assert all(re.fullmatch(r"[a-z_]+:[a-z_]+(:by_(admin|directory|file))?", event) for event in Event)


def test_every_reason_of_a_sign_in_is_explained():
    (row,) = re.findall(r"^\| `sign_in:refused` .*$", PAGE, re.MULTILINE)
    assert {"wrong_password", "unknown", "inactive", "too_many_tries"} <= set(re.findall(r"`(\w+)`", row))
