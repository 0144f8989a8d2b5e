"""docs/imports.md names every format, column and verdict: neither more nor less."""

import re

from accounts.agent_imports.agent_lines import COLUMNS, FIELDS, Refusal
from accounts.agent_imports.import_agents import Verdict as AgentVerdict
from tests.support.paths import ROOT
from twofactor.seed_formats import FORMATS, Fault
from twofactor.seeds.import_seeds import Verdict as SeedVerdict

PAGE = (ROOT / "docs" / "imports.md").read_text()
AGENTS, SEEDS = PAGE.split("## Secrets")


def firsts(text, title):
    """Return the words in backticks in the first column of the table with this title."""
    table = text.split(f"| {title} |")[1].split("\n\n")[0]
    return {name for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}


def test_every_format_is_explained():
    assert firsts(SEEDS, "format") == set(FORMATS)


def test_every_column_and_its_other_names():
    assert firsts(AGENTS, "column") == set(COLUMNS)
    table = AGENTS.split("| column |")[1].split("\n\n")[0]
    assert not [name for name in FIELDS if f"`{name}`" not in table and "'" not in name]


def test_every_verdict_is_explained():
    assert firsts(AGENTS, "verdict") == {*AgentVerdict, *Refusal}
    assert firsts(SEEDS, "verdict") == {*SeedVerdict, *Fault}
