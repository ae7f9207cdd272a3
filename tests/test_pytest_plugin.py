"""The fixture for the tests of applications."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from sipapp.app.testing import Lab
from tests.source import ROOT

pytest_plugins = ["pytester"]


def test_labs_are_made_and_closed(pytester: pytest.Pytester) -> None:
    """A test that leaves a timer fails, without a word of its own."""
    pytester.makepyfile("""
        def test_good(make_lab):
            lab = make_lab(apps=["registrar", "proxy"])
            beside = make_lab(beside=lab, hosts=["192.0.2.20"], name="far")
            assert lab.clock is beside.clock

        def test_leak(make_lab):
            make_lab().clock.callLater(1, list)
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*delayed calls are left*"])


def test_the_fixture_is_there(make_lab: Callable[..., Lab]) -> None:
    """In this project as in every other one where sipapp is installed."""
    assert isinstance(make_lab(), Lab)


def test_the_plugin_imports_nothing_of_sipapp() -> None:
    """What pytest loads in every project must not load a server."""
    text = (ROOT / "sipapp" / "pytest_plugin.py").read_text(encoding="utf-8")
    top = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom | ast.Import)]
    assert all("sipapp" not in ast.unparse(node) for node in top)
