"""Names and docstrings are plain words: no name is a bare participle or pronoun, no docstring begins with a riddle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ["cerbere", "accounts", "twofactor", "piag_gateway"]
BANNED_NAMES = {
    "also", "answered", "asked", "counted", "each", "given", "ours", "pulled", "said", "settle", "speak", "tell",
    "then", "told", "whole",
}  # fmt: skip
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
BANNED_BEGINNINGS = {"As", "How", "If", "None", "What", "Whether", "Who", "Whose", "Why"}


def list_files(*folders: str) -> list[Path]:
    """Return the Python files of these folders, without Django's migrations."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


def list_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names of functions, classes and arguments, and those that the module assigns."""
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


def find_banned_names(source: str) -> list[str]:
    return [name for name in list_names(ast.parse(source)) if name.strip("_").lower() in BANNED_NAMES]


def find_banned_docstrings(source: str) -> list[str]:
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTIONS)]
    docstrings = [ast.get_docstring(function) or "" for function in functions]
    return [text for text in docstrings if text.partition(" ")[0].rstrip(",:") in BANNED_BEGINNINGS]


def test_no_name_is_a_bare_participle_or_pronoun():
    files = list_files(*PRODUCT, "tests/support")
    found = {str(path.relative_to(ROOT)): find_banned_names(path.read_text()) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_no_docstring_of_a_function_begins_with_a_riddle():
    found = {str(path.relative_to(ROOT)): find_banned_docstrings(path.read_text()) for path in list_files(*PRODUCT)}
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "source",
    [
        "def told(): pass",
        "class Asked: pass",
        "async def tell(): pass",
        "def read(*, given): pass",
        "def read(*then, **also): pass",
        "lambda each: each",
        "class Reader:\n    def _settle(self): pass",
        "OURS = 1",
        "first, OURS = 1, 2",
        "_whole: int = 1",
    ],
)
def test_a_banned_name_would_be_found(source):
    assert find_banned_names(source)


@pytest.mark.parametrize(
    "source", ["def is_told(): pass", "def tell_agent(told_at): then = 1", "answer = [each for each in x]"]
)
def test_longer_names_and_local_names_are_free(source):
    assert not find_banned_names(source)


@pytest.mark.parametrize(
    "first",
    ["What it is.", "Whether it is.", "As it is.", "If so, it is.", "None for nobody.", "None, or it.", "Why not."],
)
def test_a_banned_docstring_would_be_found(first):
    assert find_banned_docstrings(f'class Reader:\n    def read(self):\n        """{first}"""')


def test_an_imperative_docstring_is_free():
    assert not find_banned_docstrings('def read():\n    """Whatever: return what is asked for."""')
