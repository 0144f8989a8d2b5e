"""docs/threats.md has a row for every id that a test carries, and names only tests that exist."""

import ast
import re
from pathlib import Path

import pytest

TESTS = next(folder for folder in Path(__file__).parents if folder.name == "tests")
PAGE = (TESTS.parent / "docs" / "threats.md").read_text()
LINES = re.findall(r"^\| [A-Z]\d\d \|.*$", PAGE, re.MULTILINE)
ROWS = {line[2:5]: line for line in LINES}
REFERENCE = re.compile(r"`(?:tests/)?((?:\w+/)*test_\w+\.py)(?:::(\w+))?`")  # a file, perhaps one test of it
REASONS = ("**Partly**", "**Not held**", "**Not applicable**")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def ids_in_name(name):
    """Return the ids at the beginning of a test's or a class's name: `test_f09_f10_…`, `TestK07…`."""
    found = re.match(r"test_((?:[a-z]\d\d_)+)|Test([A-Z]\d\d)", name)
    return (found[1] or found[2]).upper().strip("_").split("_") if found else []


def ids_in_node(node):
    """Return the ids of one node of a test file: in its name, in its docstring, before the words of a case."""
    ids = []
    if isinstance(node, DEFINITIONS):
        ids += ids_in_name(node.name)
    if isinstance(node, (ast.Module, *DEFINITIONS)):
        ids += re.findall(r"\b[A-Z]\d\d\b", ast.get_docstring(node) or "")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        ids += re.findall(r"\A([A-Z]\d\d) ", node.value)
    return ids


def read(source):
    """Return the ids that a test file carries, and the names that it defines."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {node.name for node in nodes if isinstance(node, DEFINITIONS)}
    return {name for node in nodes for name in ids_in_node(node)}, names


FILES = {path: read(path.read_text()) for path in TESTS.rglob("test_*.py") if path != Path(__file__)}


def files_named(name):
    """Return the ids and names of each file of this name, wherever it lies below tests/."""
    return [FILES[path] for path in TESTS.rglob(name) if path in FILES]


def test_every_id_that_a_test_carries_has_a_row():
    without_row = {path.name: sorted(ids - ROWS.keys()) for path, (ids, _) in FILES.items() if ids - ROWS.keys()}
    assert without_row == {}


def test_no_id_has_two_rows():
    assert len(ROWS) == len(LINES)


def test_every_test_that_the_page_names_exists():
    references = REFERENCE.findall(PAGE.replace("`test_threats.py`", ""))
    missing = [
        f"{name}::{test}" if test else name
        for name, test in references
        if not any(not test or test in names for _, names in files_named(name))
    ]
    assert len(references) > len(ROWS)
    assert missing == []


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_tests_that_carry_its_id_or_says_why_not(row):
    references = REFERENCE.findall(ROWS[row])
    others = [name for name, test in references if not test and not any(row in ids for ids, _ in files_named(name))]
    assert others == []
    assert references or any(reason in ROWS[row] for reason in REASONS)


def test_every_way_to_carry_an_id_is_read():
    source = (
        '"""A file (row R15)."""\nclass TestK07Ways:\n    def test_f09_f10_both(self): "P05."\nT = {"S05 a case": 1}'
    )
    assert read(source)[0] == {"R15", "K07", "F09", "F10", "P05", "S05"}
