"""What gets installed, and that ``twistd sipapp`` is known afterwards from any folder.

Nothing is downloaded: both distributions are built by the setuptools of this interpreter from a
copy of the checkout, and looked into.
"""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import sipapp
import sipapp_apps
from tests.source import ROOT, imports, python_files, rooms

MADE = shutil.ignore_patterns(
    ".*", "build", "dist", "*.egg-info", "__pycache__", "dropin.cache", "var", "twistd.*"
)

BUILD = """
import sys
from setuptools import build_meta
for kind, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    getattr(build_meta, "build_" + kind)(folder)
"""


class Built:
    """The distributions of one project.

    Attributes:
        wheel: what pip installs.
        editable: what pip installs for ``-e``.
        sdist: the source archive.
    """

    def __init__(self, project: Path, target: Path) -> None:
        kinds = {kind: target / kind for kind in ("wheel", "editable", "sdist")}
        for folder in kinds.values():
            folder.mkdir(parents=True)
        words = [str(word) for pair in kinds.items() for word in pair]
        subprocess.run(
            [sys.executable, "-c", BUILD, *words], cwd=project, check=True, capture_output=True
        )
        self.wheel, self.editable, self.sdist = (next(kinds[k].iterdir()) for k in kinds)

    def wheel_names(self) -> set[str]:
        """The files of the wheel outside its own metadata folder."""
        with zipfile.ZipFile(self.wheel) as archive:
            return {name for name in archive.namelist() if ".dist-info/" not in name}

    def sdist_names(self) -> set[str]:
        """The files of the source archive, relative to the folder it makes."""
        with tarfile.open(self.sdist) as archive:
            return {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}

    def metadata(self, name: str) -> str:
        """One text of the wheel's metadata folder."""
        with zipfile.ZipFile(self.wheel) as archive:
            path = next(n for n in archive.namelist() if n.endswith(f".dist-info/{name}"))
            return archive.read(path).decode()

    def path_files(self) -> dict[str, list[str]]:
        """What an editable install puts beside its metadata: file name to lines."""
        with zipfile.ZipFile(self.editable) as archive:
            names = [name for name in archive.namelist() if ".dist-info/" not in name]
            return {name: archive.read(name).decode().splitlines() for name in names}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, because a build writes beside what it builds."""
    copy = tmp_path_factory.mktemp("a path with spaces") / "checkout"
    shutil.copytree(ROOT, copy, ignore=MADE)
    return copy


@pytest.fixture(scope="module")
def server(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The distribution ``sipapp``."""
    return Built(checkout, tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def apps(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The distribution ``sipapp-apps``."""
    return Built(checkout / "plugins", tmp_path_factory.mktemp("apps"))


def sources(base: Path, *folders: str) -> set[str]:
    """The Python files below some folders, relative to the base as a wheel names them."""
    files = python_files(*(str((base / folder).relative_to(ROOT)) for folder in folders))
    return {path.relative_to(base).as_posix() for path in files}


def test_server_wheel_has_the_server_and_nothing_else(server: Built) -> None:
    """All of sipapp and the one dropin; no test, and no top-level folder named plugins."""
    assert server.wheel_names() == {
        *sources(ROOT, "sipapp"),
        *(path.relative_to(ROOT).as_posix() for path in (ROOT / "sipapp").rglob("*.in")),
        "sipapp/py.typed",
        "twisted/plugins/sipapp_tap.py",
    }


def test_apps_wheel_has_the_applications_and_nothing_else(apps: Built) -> None:
    """The second distribution is one package."""
    assert apps.wheel_names() == {
        *sources(ROOT / "plugins", "sipapp_apps"),
        "sipapp_apps/py.typed",
    }


def test_no_init_file_where_twisted_keeps_its_own() -> None:
    """It would hide or overwrite Twisted's file, and uninstalling would delete that."""
    assert sorted((ROOT / "twisted").rglob("__init__.py")) == []


def test_source_archive_is_enough_to_run_and_test(server: Built) -> None:
    """Everything that ``make`` needs, tests included, and nothing that it makes."""
    names = server.sdist_names()
    wanted = {
        *sources(ROOT, "sipapp", "plugins", "tests", "twisted"),
        *(f"requirements/{path.name}" for path in (ROOT / "requirements").iterdir()),
        "CONTRIBUTING.rst",
        "LICENSE",
        "Makefile",
        "NEWS.rst",
        "README.rst",
        "plugins/setup.cfg",
        "pyproject.toml",
        "setup.cfg",
    }
    assert wanted - names == set()
    assert [name for name in names if "__pycache__" in name or ".cache" in name] == []


@pytest.mark.parametrize(
    ("project", "name", "version"),
    [("server", "sipapp", sipapp.__version__), ("apps", "sipapp-apps", sipapp_apps.__version__)],
)
def test_metadata_agrees_with_the_source(
    project: str, name: str, version: str, request: pytest.FixtureRequest
) -> None:
    """The version is written once, in the package; a read-me and a licence come along."""
    built: Built = request.getfixturevalue(project)
    fields = Parser().parsestr(built.metadata("METADATA"))
    assert (fields["Name"], fields["Version"]) == (name, version)
    assert (fields["License-File"], fields["Requires-Python"]) == ("LICENSE", ">=3.11")
    assert str(fields.get_payload()).startswith(f"{name}\n{'=' * len(name)}\n")


@pytest.mark.parametrize(
    ("project", "group", "expected"),
    [
        ("server", "console_scripts", {"sipapp": "sipapp.cli:main"}),
        (
            "apps",
            "sipapp.applications",
            {
                "registrar": "sipapp_apps.registrar:Registrar",
                "proxy": "sipapp_apps.proxy:Proxy",
                "redirect": "sipapp_apps.redirect:Redirect",
                "forwarding": "sipapp_apps.forwarding:Forwarding",
                "screening": "sipapp_apps.screening:Screening",
            },
        ),
    ],
)
def test_entry_points(
    project: str, group: str, expected: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """The command, and the names under which a configuration knows the bundled applications."""
    built: Built = request.getfixturevalue(project)
    points = configparser.ConfigParser(delimiters="=")
    points.read_string(built.metadata("entry_points.txt"))
    assert dict(points[group]) == expected


@pytest.mark.parametrize(("project", "folder"), [("server", "."), ("apps", "plugins")])
def test_editable_install_is_a_plain_path(
    project: str, folder: str, checkout: Path, request: pytest.FixtureRequest
) -> None:
    """An import hook instead of a path would hide ``twisted/plugins`` from Twisted's search."""
    built: Built = request.getfixturevalue(project)
    assert list(built.path_files().values()) == [[str((checkout / folder).resolve())]]


def test_requirements_are_what_is_imported() -> None:
    """Nothing is installed that no module uses, and nothing is used that is not installed.

    Only pytest imports its plugin, so it is there by then.
    """
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options"]["install_requires"].split("\n")
    required = {re.split("[ [<>=;]", line)[0].lower() for line in listed if line}
    imported = {
        "zope.interface" if top == "zope" else top
        for module, path in rooms().items()
        if module != "sipapp.pytest_plugin"
        for top in (wanted.name.split(".")[0] for wanted in imports(path, module))
        if top not in {*sys.stdlib_module_names, "sipapp", "sipapp_apps"}
    }
    assert imported == required


def commands(folder: Path, *options: str, path: str = "") -> str:
    """What ``twistd --help`` prints when started in a folder."""
    start = "from twisted.scripts.twistd import run; run()"
    return subprocess.run(
        [sys.executable, *options, "-c", start, "--help"],
        cwd=folder,
        env={"PYTHONPATH": path} if path else None,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_twistd_knows_the_command_from_another_folder(tmp_path: Path) -> None:
    """As installed here, which `make` does with -e."""
    assert "\n    sipapp " in commands(tmp_path)


def test_twistd_knows_the_command_of_an_installed_wheel(server: Built, tmp_path: Path) -> None:
    """The wheel alone: -S leaves out the path of the editable install."""
    with zipfile.ZipFile(server.wheel) as archive:
        archive.extractall(tmp_path / "installed")
    libraries = sysconfig.get_path("purelib")
    path = f"{tmp_path / 'installed'}:{libraries}"
    assert "\n    sipapp " in commands(tmp_path, "-S", path=path)
    assert "\n    sipapp " not in commands(tmp_path, "-S", path=libraries)
