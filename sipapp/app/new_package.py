"""A package for a new application: what ``sipapp new`` writes."""

from __future__ import annotations

__all__ = ["write_package"]

import re
import sys
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from string import Template

from sipapp.app.discovery import application_names
from sipapp.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_TAKEN = ("sipapp", "sipapp_apps", "pytest", "tests", "twisted", "zope")

_FILES = {
    "setup.cfg": "setup.cfg",
    "pyproject.toml": "pyproject.toml",
    "README.rst": "README.rst",
    "{name}/__init__.py": "package.py",
    "{name}/application.py": "application.py",
    "{name}/py.typed": "",
    "tests/test_application.py": "test_application.py",
}
"""The files of the package, and the templates that they are made from."""


def write_package(name: str, parent: Path) -> Path:
    """Write a folder with an application, its configuration, tests and packaging.

    Args:
        name: of the distribution, the package, the application and the folder.
        parent: where the folder is made.
    Returns: the folder.
    Raises:
        UsageError: the name is none.
        OSError: the folder exists, or cannot be written.
    """
    if _NAME.fullmatch(name) is None or iskeyword(name):
        raise UsageError(f"{name!r} is no name; use small letters, digits and underscores")
    if name in _TAKEN or name in sys.stdlib_module_names or name in application_names():
        raise UsageError(f"{name!r} is taken; use another name")
    words = {"name": name, "title": _title(name)}
    folder = parent / name
    folder.mkdir()
    for path, template in _FILES.items():
        file = folder / path.format(name=name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(_filled(template, words), encoding="utf-8")
    return folder


def _title(name: str) -> str:
    """The name of the class; the last word keeps it apart from what the templates import."""
    return "".join(part.capitalize() for part in name.split("_")) + "App"


def _filled(template: str, words: dict[str, str]) -> str:
    if not template:
        return ""
    text = (files("sipapp.app") / "template" / f"{template}.in").read_text(encoding="utf-8")
    return Template(text).substitute(words)
