"""The list of slides, the marks in docstrings, and the table made of both agree."""

from __future__ import annotations

import ast

from tests import slides


def test_marks_name_slides_of_the_list() -> None:
    """A mistyped number would prove nothing and be missed by nobody."""
    assert set(slides.proofs()) - set(slides.duties()) == set()


def test_marks_are_found_in_every_kind_of_docstring() -> None:
    """Modules, classes, functions and coroutines; several in one; none in a comment."""
    module = ast.parse(
        '"""Whole file [W01]."""\n'
        'class SomeTests:\n    """A class [F3b] [T03]."""\n'
        '    async def test_a(self):\n        """Not a mark: [X01], [W1x2]."""\n'
        'def test_b():\n    """Rule [E14]."""\n    # [E15]\n'
    )
    assert sorted(slides.marks(module)) == [
        ("E14", "test_b"),
        ("F3b", "SomeTests"),
        ("T03", "SomeTests"),
        ("W01", ""),
    ]


def test_report_has_a_line_for_every_slide() -> None:
    """Also for those that no test proves yet, so that they are seen."""
    rows = [line for line in slides.report().splitlines() if line[:1].isalpha()]
    assert [row.split()[0] for row in rows] == list(slides.duties())
