"""Imports point one way; docs/internals/layers.rst draws the table below.

``errors <- message <- transport <- transaction <- ua <- core <- app <- the applications``, with
``sdp``, ``media``, ``store`` and ``ops`` off to the side. Talking upward is always a callable
that the upper layer gives to the lower one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.source import ROOT, Import, imports, rooms

BELOW_APP = {
    "errors",
    "message",
    "sdp",
    "transport",
    "transaction",
    "ua",
    "core",
    "media",
    "store",
    "ops",
}

MAY_IMPORT: dict[str, set[str]] = {
    "": set(),
    "errors": set(),
    "message": {"errors"},
    "sdp": {"errors"},
    "transport": {"errors", "message"},
    "transaction": {"errors", "message", "transport"},
    "ua": {"errors", "message", "sdp", "transport", "transaction"},
    "core": {"errors", "message", "sdp", "transport", "transaction", "ua"},
    "media": {"errors", "sdp"},
    "store": {"errors", "message", "core.location", "ua.account"},
    "ops": {"errors", "message"},
    "app": BELOW_APP,
    "tap": {*BELOW_APP, "app"},
    "cli": {*BELOW_APP, "app", "tap"},
    "__main__": {"cli"},
    "pytest_plugin": {*BELOW_APP, "app"},
    "sipapp_apps": {*BELOW_APP, "app"},
}
"""What each room may import beside itself; a dotted entry stands for that one module."""

PURE = ("sipapp.errors", "sipapp.message", "sipapp.sdp", "sipapp.core.forking")
"""Standard library only: usable, testable and fast without Twisted."""

STARTERS = ("sipapp.transport", "sipapp.app.service", "sipapp.tap", "sipapp.cli")
"""The modules whose functions may ask for the reactor; all others are given a clock."""

EVERY_ROOM = pytest.mark.parametrize(
    ("module", "path"), [pytest.param(name, path, id=name) for name, path in rooms().items()]
)


def room_of(module: str) -> str:
    """The row of the table that a module of ours belongs to."""
    top, *rest = module.split(".")
    return top if top == "sipapp_apps" else next(iter(rest), "")


def within(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of some packages, or inside one."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def allowed(module: str, wanted: Import) -> bool:
    """Whether the table lets a module have an import. Those of other people are not its matter."""
    if not within(wanted.name, ("sipapp", "sipapp_apps")):
        return True
    if wanted.name == "sipapp.__version__" or room_of(wanted.name) == room_of(module):
        return True
    rows = tuple(f"sipapp.{row}" for row in MAY_IMPORT[room_of(module)])
    return within(wanted.name, rows)


@EVERY_ROOM
def test_imports_point_down_only(module: str, path: Path) -> None:
    """No module imports a layer above it, nor a side room that the table does not grant."""
    assert [wanted for wanted in imports(path, module) if not allowed(module, wanted)] == []


def test_no_two_modules_import_each_other() -> None:
    """Nor in a larger circle, nor for type checkers alone: what needs both is a third thing."""
    modules = rooms()
    wanted = {
        module: {part for each in imports(path, module) for part in _modules(each.name, modules)}
        for module, path in modules.items()
    }
    while leaves := {module for module, needs in wanted.items() if not needs & set(wanted)}:
        wanted = {module: needs for module, needs in wanted.items() if module not in leaves}
    assert sorted(wanted) == []


def _modules(name: str, modules: dict[str, Path]) -> set[str]:
    """The module that an imported name is, or is in."""
    return {part for part in (name, name.rpartition(".")[0]) if part in modules}


@EVERY_ROOM
def test_pure_rooms_use_the_standard_library_only(module: str, path: Path) -> None:
    """Grammar, values and decisions know neither Twisted nor zope.interface."""
    if not within(module, PURE):
        return
    known = {*sys.stdlib_module_names, "sipapp"}
    assert [
        wanted for wanted in imports(path, module) if wanted.name.split(".")[0] not in known
    ] == []


@EVERY_ROOM
def test_the_reactor_is_asked_for_late_and_in_few_places(module: str, path: Path) -> None:
    """Importing the reactor installs one, so it is never done at import time."""
    wants = [i for i in imports(path, module) if within(i.name, ("twisted.internet.reactor",))]
    if within(module, STARTERS):
        wants = [wanted for wanted in wants if wanted.at_top]
    assert wants == []


def test_the_documentation_has_the_same_table() -> None:
    """docs/internals/layers.rst draws the same arrows; a room without a duty continues its cell."""
    text = (ROOT / "docs" / "internals" / "layers.rst").read_text(encoding="utf-8")
    cells: dict[str, list[str]] = {}
    for line in re.split(r"^=[= ]+\n", text, flags=re.MULTILINE)[-2].splitlines():
        room = line[:14].strip() or next(reversed(cells))
        cells.setdefault(room, []).extend(line[14:53].split())
    drawn: dict[str, set[str]] = {}
    for room, words in cells.items():
        drawn[room] = set(words) - {"nothing"}
        if words[:4] == ["all", "of", "the", "above"]:
            drawn[room] = set(drawn) - {room, *words[4:]}
    assert drawn == {room: may for room, may in MAY_IMPORT.items() if room}


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("sipapp.message.parser", "sipapp.errors.MessageError", True),
        ("sipapp.message.parser", "sipapp.transport.flow.Flow", False),
        ("sipapp.message.parser", "sipapp.message.headers.Headers", True),
        ("sipapp.store.memory", "sipapp.core.location.Binding", True),
        ("sipapp.store.memory", "sipapp.core.registrar.Registrar", False),
        ("sipapp.app.service", "sipapp_apps.proxy.Proxy", False),
        ("sipapp.app.discovery", "sipapp.__version__", True),
        ("sipapp_apps.proxy", "sipapp.app.interfaces", True),
        ("sipapp_apps.proxy", "sipapp.tap", False),
        ("sipapp.tap", "twisted.python.usage", True),
    ],
)
def test_the_table_is_read_as_written(module: str, name: str, expected: bool) -> None:
    """The checks above would pass on anything if this reading of the table were too kind."""
    assert allowed(module, Import(name, 1, at_top=True)) is expected


def test_relative_imports_count_like_absolute_ones(tmp_path: Path) -> None:
    """The walk also sees imports inside functions and behind TYPE_CHECKING."""
    path = tmp_path / "example.py"
    path.write_text(
        "from . import layer\n"
        "from ..app import service\n"
        "if True:\n    import zope.interface\n"
        "def late():\n    from twisted.internet import reactor\n"
    )
    assert imports(path, "sipapp.transport.x") == [
        Import("sipapp.transport.layer", 1, at_top=True),
        Import("sipapp.app.service", 2, at_top=True),
        Import("zope.interface", 4, at_top=True),
        Import("twisted.internet.reactor", 6, at_top=False),
    ]
