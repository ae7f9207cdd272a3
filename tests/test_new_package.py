"""``sipapp new``: what it writes works as it is."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sipapp.app.new_package import write_package
from sipapp.cli import main
from sipapp.errors import UsageError
from tests.source import ROOT

BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"

FILES = {
    "README.rst",
    "my_screening/__init__.py",
    "my_screening/application.py",
    "my_screening/py.typed",
    "pyproject.toml",
    "setup.cfg",
    "tests/test_application.py",
}


def run(folder: Path, *words: str, path: Path | None = None) -> str:
    """Run this Python in a folder, as somebody who has sipapp installed; give what it prints."""
    places = [str(ROOT), str(ROOT / "plugins"), *([str(path)] if path else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_package_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its own tests pass, its wheel holds it, and a server finds and loads its application."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "my_screening"]) == 0
    assert capfd.readouterr().out.startswith("my_screening: an application")
    folder = tmp_path / "my_screening"
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert made == FILES

    assert "3 passed" in run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", path=folder)

    wheel = run(folder, "-c", BUILD, str(tmp_path)).splitlines()[-1]
    installed = tmp_path / "installed"
    with zipfile.ZipFile(tmp_path / wheel) as archive:
        archive.extractall(installed)
    (tmp_path / "sipapp.toml").write_text(
        'listen = ["udp:5060:interface=127.0.0.1"]\nauth = "none"\n'
        'apps = ["registrar", "my_screening", "proxy"]\n'
        '[app.my_screening]\nrefuse = ["mallory@example.com"]\n'
    )
    assert "no mistakes" in run(tmp_path, "-m", "sipapp", "check", path=installed)


def test_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A folder that exists stays as it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    with pytest.raises(SystemExit) as left:
        main(["new", "mine"])
    assert (left.value.code, list((tmp_path / "mine").iterdir())) == (73, [])
    assert capfd.readouterr().err == ("sipapp: mine: File exists; choose another name or folder\n")


@pytest.mark.parametrize("name", ["", "Mine", "1st", "a-b", "../up", "class", "x" * 42])
def test_a_name_is_a_name_of_python(name: str, tmp_path: Path) -> None:
    """It becomes a package and an entry point."""
    with pytest.raises(UsageError, match="is no name; use small letters, digits and underscores"):
        write_package(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["sipapp", "proxy", "logging", "pytest"])
def test_a_name_is_not_somebody_else_s(name: str, tmp_path: Path) -> None:
    """Of an application that is installed, or of a module that it would hide."""
    with pytest.raises(UsageError, match="is taken; use another name"):
        write_package(name, tmp_path)
    assert list(tmp_path.iterdir()) == []
