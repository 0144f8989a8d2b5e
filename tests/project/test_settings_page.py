"""docs/settings.md names every setting with its default: neither more nor less."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text()
ROW = re.compile(r"^\| `((?:CERBERE|PIAG)_[A-Z_]+)` \| (?:`([^`]*)`|–) \| \S.* \|$", re.MULTILINE)
TELL = "import json, {module}; from cerbere import env; print(json.dumps(env.READ))"


def settings_of(module):
    """Return the variables that this module reads in an empty environment, with their defaults."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CERBERE_", "PIAG_", "DJANGO_"))}
    program = [sys.executable, "-c", TELL.format(module=module)]
    done = subprocess.run(program, cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    return {name: default.replace(f"{ROOT}/", "") for name, default in json.loads(done.stdout).items()}


@pytest.mark.parametrize(("module", "prefix"), [("cerbere.settings", "CERBERE_"), ("piag_gateway.settings", "PIAG_")])
def test_page_and_code_agree(module, prefix):
    rows = [row for row in ROW.findall(PAGE) if row[0].startswith(prefix)]
    assert len(rows) == len(dict(rows))
    assert dict(rows) == settings_of(module)


COMPOSE_ONLY = {"CERBERE_HOST", "PIAG_HOST", "CERBERE_REPLICAS", "CERBERE_VERSION", "PIAG_CA_BUNDLE", "PIAG_PORT"}


@pytest.mark.parametrize(
    "path", ["README.md", "docker-compose.yml", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
)
def test_every_setting_named_elsewhere_exists(path):
    known = {name for name, _default in ROW.findall(PAGE)} | COMPOSE_ONLY
    named = re.findall(r"\b(?:CERBERE|PIAG)_[A-Z_]*[A-Z]\b", (ROOT / path).read_text())
    assert {name for name in named if not {name, name.removesuffix("_FILE")} & known} == set()
