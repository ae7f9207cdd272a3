"""Code in the documentation is code of ``docs/examples``, whose tests run with all others."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from zope.interface.interface import InterfaceClass

from sipapp.app import exit as codes
from sipapp.app.config import load
from sipapp.app.config.reference import commented_file
from sipapp.app.discovery import application_names, load_application
from sipapp.app.interfaces import ICall, ISIPApplication, ISIPServer
from tests.source import ROOT

EXAMPLES = ROOT / "docs" / "examples"

PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").rglob("*.rst"))]

BLOCK = r"^\.\. code-block:: {}\n\n((?:(?: {{4}}.*)?\n)+)"

NAMED = re.compile(r"# docs/examples/(\w+\.py)\n")
"""The first line of a block that shows an example, whole or in part."""

EVERY_PAGE = pytest.mark.parametrize(
    "page", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in PAGES]
)


def blocks(page: Path, language: str = "python") -> list[str]:
    """The code in a language that a page shows, without its indentation."""
    text = page.read_text(encoding="utf-8")
    return [
        dedent(block).strip("\n")
        for block in re.findall(BLOCK.format(language), text, flags=re.MULTILINE)
    ]


def unindented(code: str) -> str:
    """The same words line by line."""
    return "\n".join(line.strip() for line in code.strip().splitlines())


@EVERY_PAGE
def test_code_on_a_page_is_part_of_an_example(page: Path) -> None:
    """Every block names its file first, and stands in it word for word, maybe less indented."""
    for block in blocks(page):
        named = NAMED.match(block)
        assert named, f"no first line of the form '# docs/examples/NAME.py':\n{block}"
        example = (EXAMPLES / named[1]).read_text(encoding="utf-8")
        assert unindented(block[named.end() :]) in unindented(example)


def test_every_example_is_shown_and_tested() -> None:
    """An example that no page shows is lost; one without a test breaks unseen."""
    files = {path.name for path in EXAMPLES.glob("*.py")}
    examples = {name for name in files if not name.startswith("test_")}
    shown = {m[1] for page in PAGES for b in blocks(page) if (m := NAMED.match(b))}
    assert examples - shown == set()
    assert {f"test_{name}" for name in examples} - files == set()


def test_the_configuration_page_shows_every_key() -> None:
    """docs/reference/sipapp.toml is what `sipapp init` writes, and loads without a complaint."""
    path = ROOT / "docs" / "reference" / "sipapp.toml"
    assert path.read_text(encoding="utf-8") == commented_file(path.name)
    load(path, environ={}, flags={}, known_app=lambda name: None)


@EVERY_PAGE
def test_configurations_on_a_page_load(page: Path, tmp_path: Path) -> None:
    """The server would start with them, given the applications that they name; ours take them."""
    ours = application_names()
    for number, block in enumerate(blocks(page, "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(block, encoding="utf-8")
        config = load(path, environ={}, flags={}, known_app=lambda name: None).config
        for name in set(config.app_sections) & set(ours):
            load_application(name, None, config.app_sections[name])  # type: ignore[arg-type]


@pytest.mark.parametrize("interface", [ISIPApplication, ICall, ISIPServer])
def test_the_page_for_authors_has_every_member(interface: InterfaceClass) -> None:
    """docs/reference/applications.rst lists what sipapp/app/interfaces.py declares."""
    page = (ROOT / "docs" / "reference" / "applications.rst").read_text(encoding="utf-8")
    part = page.partition(f"``{interface.__name__}``:")[2].partition("\n``")[0]
    assert set(re.findall(r"^- ``(\w+)``:", part, re.MULTILINE)) == set(interface.names())


def test_the_page_of_commands_has_every_exit_code() -> None:
    """docs/reference/commands.rst has the table of sipapp/app/exit.py."""
    page = (ROOT / "docs" / "reference" / "commands.rst").read_text(encoding="utf-8")
    known = {value for value in vars(codes).values() if isinstance(value, int)}
    assert {int(code) for code in re.findall(r"^(\d+)  ", page, re.MULTILINE)} == known


def test_pages_name_only_commands_that_make_knows() -> None:
    """``make something`` on a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [*PAGES, ROOT / "CONTRIBUTING.rst"]
    named = {t for page in pages for t in re.findall(r"`make ([a-z]+)", page.read_text())}
    assert named - targets == set()
