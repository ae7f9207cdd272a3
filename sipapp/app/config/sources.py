"""The three places a value can come from: a TOML file, the environment and the command line.

Each is turned into ``Given`` values that remember where they were written; nothing is judged here
except what only the source can know, such as broken TOML or a key that does not exist.
"""

from __future__ import annotations

__all__ = ["FLAGS", "Given", "from_environment", "from_file", "from_flags"]

import re
import tomllib
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sipapp.app.config.readers import closest, did_you_mean
from sipapp.app.config.toml_lines import lines_of
from sipapp.app.config.values import Key, keys
from sipapp.errors import Problem

# Which key each flag sets; a flag of a list may be repeated and then replaces the list of the file.
FLAGS = {
    "--listen": "listen",
    "--domain": "domains",
    "--app": "apps",
    "--store": "store",
    "--auth": "auth",
}

_PREFIX = "SIPAPP_"
# Read by the command itself, before there is a configuration.
_NOT_KEYS = {"SIPAPP_CONFIG"}


@dataclass(frozen=True, slots=True)
class Given:
    """One value somebody wrote.

    Attributes:
        path: the key, ``("registrar", "min_expires")``, or ``("app", NAME, KEY)``.
        value: typed as TOML types it.
        origin: where it was written: ``sipapp.toml:7``, ``SIPAPP_AUTH``, ``--listen``.
        folder: what relative paths in it are relative to.
        element_origins: the same for the elements of a list that stand on lines of their own.
    """

    path: tuple[str, ...]
    value: object
    origin: str
    folder: Path
    element_origins: Mapping[int, str] = field(default_factory=dict)

    def where(self, index: int | None = None) -> str:
        """Name the place of a mistake: file, line and key, or just the variable or flag."""
        if not self.in_file:
            return self.origin
        origin = self.origin if index is None else self.element_origins.get(index, self.origin)
        return f"{origin} {'.'.join(self.path)}"

    @property
    def in_file(self) -> bool:
        """Whether it stands in the file; a variable or a flag names its key already."""
        return not self.origin.startswith((_PREFIX, "--"))


def from_file(path: Path) -> tuple[list[Given], list[Problem]]:
    """Read a TOML file; a file that cannot be read is one problem."""
    try:
        # Some editors put a byte order mark in front, which TOML 1.0 does not know.
        text = path.read_bytes().removeprefix(BOM_UTF8).decode()
        data = tomllib.loads(text)
    except OSError as error:
        return [], [
            Problem(
                str(path), f"cannot be read: {error.strerror}", "check the path and its permissions"
            )
        ]
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return [], [Problem(f"{path}:{line}", "is not UTF-8 text", "save the file as UTF-8")]
    except tomllib.TOMLDecodeError as error:
        return [], [_syntax_problem(path, text, str(error))]
    return _FileReader(path, lines_of(text)).read(data)


def from_environment(environ: Mapping[str, str], folder: Path) -> tuple[list[Given], list[Problem]]:
    """Pick the ``SIPAPP_KEY`` and ``SIPAPP_SECTION__KEY`` variables.

    A strange variable is a problem only if it looks like one of ours: Kubernetes, for one, sets
    ``SIPAPP_PORT`` and more for a service that is called sipapp.
    """
    readers = {_variable(key): key for key in keys()}
    given: list[Given] = []
    problems: list[Problem] = []
    for name in sorted(
        name for name in environ if name.startswith(_PREFIX) and name not in _NOT_KEYS
    ):
        if name in readers:
            key = readers[name]
            given.append(Given(key.path, key.reader.from_text(environ[name]), name, folder))
        elif name.startswith(f"{_PREFIX}APP__") and name.count("__") == 2:
            _, app, key_name = name.lower().split("__")
            given.append(Given(("app", app, key_name), _guessed(environ[name]), name, folder))
        elif problem := _strange_variable(name, list(readers)):
            problems.append(problem)
    return given, problems


def from_flags(flags: Mapping[str, Sequence[str]], folder: Path) -> list[Given]:
    """Take what the command line gave.

    Args:
        flags: flag to its values, in order: ``{"--listen": ["udp:5060", "tcp:5060"]}``; those
            not in ``FLAGS`` and those without a value are left alone.
        folder: the current one.
    """
    by_name = {key.name: key for key in keys()}
    given: list[Given] = []
    for flag, name in FLAGS.items():
        values = flags.get(flag)
        if values:
            key = by_name[name]
            value: object = list(values) if isinstance(key.default, tuple) else values[-1]
            given.append(Given(key.path, value, flag, folder))
    return given


def _variable(key: Key) -> str:
    return _PREFIX + "__".join(key.path).upper()


def _guessed(text: str) -> object:
    """Type a variable of an application, whose keys we do not know, as TOML would."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _strange_variable(name: str, known: list[str]) -> Problem | None:
    # Stricter than for words of a file, and without what all share: PORT is not like STORE.
    guess = closest(
        name.removeprefix(_PREFIX), [one.removeprefix(_PREFIX) for one in known], cutoff=0.75
    )
    if guess:
        return Problem(name, "is no variable of sipapp", f"did you mean {_PREFIX}{guess}?")
    if "__" in name:
        fix = "unset it, or see the reference for all variables"
        return Problem(name, "is no variable of sipapp", fix)
    return None


def _syntax_problem(path: Path, text: str, message: str) -> Problem:
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message)
    cause, line = (found[1], found[2]) if found else (message, None)
    number = line or str(len(text.rstrip().splitlines()))
    return Problem(
        f"{path}:{number}",
        f"is not TOML: {cause[:1].lower()}{cause[1:]}",
        "texts need quotes, lists need brackets",
    )


class _FileReader:
    """Flattens the tables of one file."""

    def __init__(self, path: Path, lines: Mapping[tuple[str | int, ...], int]) -> None:
        self.path = path
        self.lines = lines
        self.known = {key.path for key in keys()}
        self.sections = {path[0] for path in self.known if len(path) == 2}
        self.given: list[Given] = []
        self.problems: list[Problem] = []

    def read(self, data: Mapping[str, object]) -> tuple[list[Given], list[Problem]]:
        for name, value in data.items():
            if (name,) in self.known:
                self.take((name,), value)
            elif name == "app":
                self.app_tables(value)
            elif name in self.sections:
                self.section(name, value)
            else:
                self.unknown((name,))
        return self.given, self.problems

    def section(self, name: str, value: object) -> None:
        for key, inner in self.table((name,), value):
            if (name, key) in self.known:
                self.take((name, key), inner)
            else:
                self.unknown((name, key))

    def app_tables(self, value: object) -> None:
        for name, table in self.table(("app",), value):
            for key, inner in self.table(("app", name), table):
                self.take(("app", name, key), inner)

    def table(self, path: tuple[str, ...], value: object) -> Iterator[tuple[str, object]]:
        if isinstance(value, dict):
            return iter(value.items())
        header = ".".join(path) if path != ("app",) else "app.NAME"
        self.problems.append(
            Problem(
                self.where(path),
                "is a value, not a table",
                f"write its keys below a line [{header}]",
            )
        )
        return iter(())

    def take(self, path: tuple[str, ...], value: object) -> None:
        count = len(value) if isinstance(value, list) else 0
        elements = {index: self.origin((*path, index)) for index in range(count)}
        self.given.append(
            Given(path, value, self.origin(path), self.path.absolute().parent, elements)
        )

    def unknown(self, path: tuple[str, ...]) -> None:
        self.problems.append(
            Problem(self.where(path), "is no key of sipapp", self.suggestion(path))
        )

    def suggestion(self, path: tuple[str, ...]) -> str:
        siblings = {one[-1] for one in self.known if one[:-1] == path[:-1]}
        if len(path) == 1:
            siblings |= self.sections | {"app"}
        elsewhere = [one for one in self.known if one[-1] == path[-1]]
        if len(elsewhere) == 1:
            home = elsewhere[0]
            return (
                f"put it below [{home[0]}]"
                if len(home) == 2
                else "put it above the first [section]"
            )
        guess = did_you_mean(path[-1], sorted(siblings))
        return guess or f"known here are {', '.join(sorted(siblings))}"

    def origin(self, path: tuple[str | int, ...]) -> str:
        line = self.lines.get(path)
        return f"{self.path}:{line}" if line else str(self.path)

    def where(self, path: tuple[str, ...]) -> str:
        return f"{self.origin(path)} {'.'.join(path)}"
