"""Which test proves which slide of the talk that sipapp started from: ``make slides``.

``docs/internals/slides.tsv`` lists the duties, a number and a sentence each. A test that proves one
names the number in square brackets in its docstring, or in that of its class or module.
"""

from __future__ import annotations

__all__ = ["duties", "proofs", "report"]

import ast
import re
from collections.abc import Iterator

from tests.source import ROOT, python_files, tree

SLIDES = ROOT / "docs" / "internals" / "slides.tsv"

MARK = re.compile(r"\[([TRBMCWFE]\d{1,2}[a-z]?)\]")

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def duties() -> dict[str, str]:
    """The numbers of the list and what each obliges us to, in the order of the list."""
    rows = (line.split("\t") for line in SLIDES.read_text(encoding="utf-8").splitlines())
    return {number: duty for number, duty in rows}


def proofs() -> dict[str, list[str]]:
    """Number to the tests that name it, each as ``tests/folder/test_file.py::name``."""
    found: dict[str, list[str]] = {}
    for path in python_files("tests"):
        place = path.relative_to(ROOT).as_posix()
        for number, name in marks(tree(path)):
            found.setdefault(number, []).append(f"{place}::{name}" if name else place)
    return found


def marks(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Each number that a docstring names, and what the docstring belongs to ("" is the module)."""
    for node in ast.walk(module):
        if isinstance(node, DOCUMENTED):
            for number in MARK.findall(ast.get_docstring(node) or ""):
                yield number, getattr(node, "name", "")


def report() -> str:
    """The table: number, how many tests, duty; below each the tests."""
    found = proofs()
    lines = []
    for number, duty in duties().items():
        tests = found.get(number, [])
        lines.append(f"{number:4} {len(tests):3}  {duty}")
        lines.extend(f"           {test}" for test in tests)
    proved = sum(1 for number in duties() if number in found)
    return "\n".join([*lines, "", f"{proved} of {len(duties())} slides have a test."])


if __name__ == "__main__":
    print(report())
