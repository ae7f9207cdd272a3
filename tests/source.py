"""The checkout as the tests of the source see it: which files there are, and what they import."""

from __future__ import annotations

__all__ = ["OURS", "ROOT", "SERVED", "Import", "imports", "python_files", "rooms", "tree"]

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SERVED = ("sipapp", "plugins/sipapp_apps", "twisted")
"""Folders whose files are installed."""

OURS = (*SERVED, "tests", "docs", "benchmarks")
"""Folders of every Python file that we keep."""


def python_files(*folders: str) -> list[Path]:
    """Every Python file below some folders of the checkout, in a stable order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module_of(path: Path) -> str:
    """The dotted name under which a file is imported."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[0] == "plugins":
        del parts[0]
    if parts[-1] == "__init__":
        del parts[-1]
    return ".".join(parts)


def rooms() -> dict[str, Path]:
    """The modules of the server and of its applications, by dotted name."""
    return {module_of(path): path for path in python_files("sipapp", "plugins/sipapp_apps")}


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a file imports.

    Attributes:
        name: dotted, absolute, with the imported name at its end: ``twisted.internet.reactor``.
        line: where in the file.
        at_top: it runs when the file is imported, rather than when a function is called.
    """

    name: str
    line: int
    at_top: bool


def imports(path: Path, module: str) -> list[Import]:
    """Everything that a file imports under the name of a module, wherever in the file."""
    return sorted(_imports(tree(path), module, path, at_top=True), key=lambda i: i.line)


def _imports(node: ast.AST, module: str, path: Path, *, at_top: bool) -> Iterator[Import]:
    match node:
        case ast.Import():
            for alias in node.names:
                yield Import(alias.name, node.lineno, at_top)
        case ast.ImportFrom():
            base = _base(node, module, is_package=path.name == "__init__.py")
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, at_top)
        case _:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            for child in ast.iter_child_nodes(node):
                yield from _imports(child, module, path, at_top=at_top and not inside)


def _base(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    package = parts if is_package else parts[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, node.module] if node.module else package)
