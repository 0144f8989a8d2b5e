"""Every name and path that docs/architecture.md quotes is in the project."""

import re

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
PACKAGES = ("cerbere", "accounts", "twofactor", "piag_gateway")
FOLDERS = [
    folder
    for package in (*PACKAGES, "tests")
    for folder in (ROOT / package, *(ROOT / package).rglob("*"))
    if folder.is_dir()
]
MODULES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
SOURCE = "\n".join(text for path in MODULES for text in (path.stem, path.read_text()))
QUOTED = sorted(set(re.findall(r"`([^`\n]+)`", PAGE)))
PATHS = [text for text in QUOTED if re.fullmatch(r"[\w./-]+\.(py|md|toml|cfg)", text)]
NAMES = [text for text in QUOTED if re.fullmatch(r"[A-Za-z_][\w.]*_[\w.]*(\(\))?", text) and text not in PATHS]


@pytest.mark.parametrize("path", PATHS)
def test_a_quoted_path_exists(path):
    assert (ROOT / path).exists() or any((folder / path).resolve().exists() for folder in FOLDERS), path


@pytest.mark.parametrize("name", NAMES)
def test_a_quoted_name_is_in_the_code(name):
    assert all(re.search(rf"\b{part}\b", SOURCE) for part in name.removesuffix("()").split(".")), name


def test_there_are_paths_and_names():
    assert len(PATHS) > 40
    assert len(NAMES) > 40
