"""Code in the documentation is code of ``docs/examples``, whose tests run with all others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.source import ROOT

EXAMPLES = ROOT / "docs" / "examples"

PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").rglob("*.rst"))]

BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)

NAMED = re.compile(r"# docs/examples/(\w+\.py)\n")
"""The first line of a block that shows an example, whole or in part."""


def blocks(page: Path) -> list[str]:
    """The Python code that a page shows, without its indentation."""
    text = page.read_text(encoding="utf-8")
    return [re.sub(r"^ {4}", "", b, flags=re.MULTILINE).strip("\n") for b in BLOCK.findall(text)]


def unindented(code: str) -> str:
    """The same words line by line."""
    return "\n".join(line.strip() for line in code.strip().splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
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


def test_pages_name_only_commands_that_make_knows() -> None:
    """``make something`` on a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [*PAGES, ROOT / "CONTRIBUTING.rst"]
    named = {t for page in pages for t in re.findall(r"`make ([a-z]+)", page.read_text())}
    assert named - targets == set()
