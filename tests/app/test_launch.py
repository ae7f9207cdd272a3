"""What the commands share: which configuration is meant, and where a mistake stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipapp.app.launch import app_check, is_configured, locate, placed
from sipapp.errors import ConfigError, Problem, StoreError


def test_the_file_is_the_given_one_then_the_variable_then_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was named need not exist; the default must."""
    monkeypatch.chdir(tmp_path)
    named = {"SIPAPP_CONFIG": "b.toml"}
    assert locate("a.toml", named) == Path("a.toml")
    assert locate(None, named) == Path("b.toml")
    assert locate(None, {}) is None
    Path("sipapp.toml").touch()
    assert locate(None, {}) == Path("sipapp.toml")


def test_any_source_is_enough_to_start() -> None:
    """A variable that is only nearly one of ours is enough to hear about it."""
    assert not is_configured(None, {"--listen": []}, {"PATH": "/bin", "SIPAPP_DIR": "/srv"})
    assert is_configured(Path("x"), {}, {})
    assert is_configured(None, {"--listen": ["udp:5060"]}, {})
    assert is_configured(None, {}, {"SIPAPP_AUTH": "none"})
    assert is_configured(None, {}, {"SIPAPP_AUHT": "none"})


def test_applications_are_looked_up_among_the_installed() -> None:
    """A typing mistake is guessed at."""
    assert app_check("no.such:thing") == (
        "no.such:thing: does not import: ModuleNotFoundError(\"No module named 'no'\")",
        "install the distribution that offers it or take the name away",
    )
    wrong = app_check("redirekt")
    assert wrong is not None
    assert wrong[1] == 'did you mean "redirect"?'


def test_a_mistake_in_a_section_of_an_application_gets_its_line() -> None:
    """The application knows the key only."""
    error = ConfigError(
        [Problem("app.redirect.prefix", "a", "b"), Problem("app.redirect.other", "c", "d")]
    )
    outcome = placed(error, {"app.redirect.prefix": "sipapp.toml:7"})
    assert str(outcome) == "sipapp.toml:7 app.redirect.prefix: a; b\napp.redirect.other: c; d"
    other = StoreError("x")
    assert placed(other, {}) is other
