"""House rules that no linter knows: sizes, words, sleeping tests, SQL, notes to self."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.source import OURS, ROOT, SERVED, python_files, tree

FILE_LINES = 450
FUNCTION_LINES = 60

VAGUE = re.compile("manager|handler|helper|util|engine", re.IGNORECASE)
"""Words that name no duty: what such a class does could be anything."""

UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")

RUNS_SQL = {"execute", "executemany", "executescript", "runOperation", "runQuery"}

POSSESSIVE_GROUP = re.compile(r"\)(?:[?*+]|\{\d*,?\d*\})\+")
"""Python 3.11.0 to 3.11.4 match ``(...)*+`` wrongly (gh-106052): ``(?>(...)*)`` says the same."""

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def each_file(*folders: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Run a test once for every Python file of some folders."""
    files = [pytest.param(p, id=str(p.relative_to(ROOT))) for p in python_files(*folders)]
    return pytest.mark.parametrize("path", files)


@each_file(*OURS)
def test_files_are_small(path: Path) -> None:
    """A file that has outgrown this has two subjects."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@each_file(*OURS)
def test_functions_are_small(path: Path) -> None:
    """Signature, docstring and body together."""
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, FUNCTION)]
    lengths = {f.name: (f.end_lineno or f.lineno) - f.lineno + 1 for f in functions}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


@each_file(*SERVED)
def test_names_say_what_a_thing_does(path: Path) -> None:
    """Modules and classes are named for their duty."""
    classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    assert [name for name in (path.stem, *classes) if VAGUE.search(name)] == []


@each_file(*OURS)
def test_nothing_is_marked_unfinished(path: Path) -> None:
    """What is left to do is an issue, not a comment."""
    assert UNFINISHED.findall(path.read_text(encoding="utf-8")) == []


@each_file(*SERVED)
def test_patterns_are_those_that_every_python_matches(path: Path) -> None:
    """Debian 12 has Python 3.11.2, and its users are to reach their phones, too."""
    constants = [node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)]
    texts = [text.decode("latin-1") if isinstance(text, bytes) else text for text in constants]
    assert [t for t in texts if isinstance(t, str) and POSSESSIVE_GROUP.search(t)] == []


@each_file("tests")
def test_tests_do_not_sleep(path: Path) -> None:
    """Time is a Clock that the test advances; real sockets are waited for, not slept for."""
    assert [line for name, line in calls(path) if name in {"time.sleep", "sleep"}] == []


@each_file(*OURS)
def test_sql_is_constant_text(path: Path) -> None:
    """Values go into a statement as parameters only."""
    built = [
        call.lineno
        for call in ast.walk(tree(path))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in RUNS_SQL
        and any(is_built(argument) for argument in call.args)
    ]
    assert built == []


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """The name and line of every call in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def is_built(argument: ast.expr) -> bool:
    """Whether an argument is text put together on the spot."""
    match argument:
        case ast.JoinedStr():
            return any(isinstance(part, ast.FormattedValue) for part in argument.values)
        case ast.BinOp(op=ast.Mod() | ast.Add()):
            return True
        case ast.Call(func=ast.Attribute(attr="format" | "join" | "replace")):
            return True
    return False


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("'SELECT 1'", False),
        ("'SELECT ' 'one'", False),
        ("f'SELECT'", False),
        ("QUERY", False),
        ("f'SELECT {x}'", True),
        ("'SELECT %s' % x", True),
        ("'SELECT ' + x", True),
        ("'SELECT {}'.format(x)", True),
        ("', '.join(x)", True),
    ],
)
def test_built_text_is_recognised(argument: str, expected: bool) -> None:
    """The check above would pass on anything if this were too kind."""
    assert is_built(ast.parse(argument, mode="eval").body) is expected
