"""From what was written to one checked ``Config``.

Command line over environment over file over default. Every value that somebody wrote is judged,
also one that another source overrides: a mistake that sleeps in the file wakes up on the day the
variable is gone.
"""

from __future__ import annotations

__all__ = ["AppCheck", "Loaded", "load"]

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType

from sipapp.app.config.cross_checks import Merged, cross_check
from sipapp.app.config.readers import Mistakes
from sipapp.app.config.sources import Given, from_environment, from_file, from_flags
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.config.values import Config, Key, keys
from sipapp.errors import ConfigError, Problem

# Name of an application to None, or to (cause, fix) when it cannot be used.
AppCheck = Callable[[str], tuple[str, str] | None]

_DEFAULTS = Config()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration together with its story.

    Attributes:
        config: checked, paths absolute.
        origins: dotted key to where its value was written; ``"default"`` when nowhere.
    """

    config: Config
    origins: Mapping[str, str]


def load(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Sequence[str]] | None = None,
    known_app: AppCheck = lambda name: None,
    base: Config = _DEFAULTS,
) -> Loaded:
    """Read, check and merge.

    Args:
        path: the TOML file; without one, relative paths are relative to the current folder.
        environ: environment variables; only those that begin with ``SIPAPP_`` are looked at.
        flags: flag to its values, see ``sources.from_flags``.
        known_app: tells whether an application can be used.
        base: where the defaults come from, except those of ``state_dir`` and ``store``.
    Raises:
        ConfigError: every mistake there is, those of the file first and from top to bottom.
    """
    here = Path.cwd()
    given, problems = from_file(path) if path is not None else ([], [])
    more_given, more_problems = from_environment(environ or {}, here)
    given += more_given + from_flags(flags or {}, here)
    problems += more_problems
    folder = path.absolute().parent if path is not None else here
    merged = _merge(given, folder, base, problems)
    problems += cross_check(merged, known_app)
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: _reading_order(problem, path)))
    return Loaded(_build(merged, path), merged.origins())


def _merge(given: list[Given], folder: Path, base: Config, problems: list[Problem]) -> Merged:
    """Read every value; of those for one key the last wins, since sources come in rising order."""
    merged = Merged({}, {}, {}, set())
    by_path = {key.path: key for key in keys(base)}
    for one in given:
        if one.path[0] == "app":
            merged.app_sections.setdefault(one.path[1], {})[one.path[2]] = one.value
            merged.writers[".".join(one.path)] = one
        else:
            _read(by_path[one.path], one, merged, problems)
    for key in by_path.values():
        merged.values.setdefault(key.name, _default(key, folder, merged))
    return merged


def _read(key: Key, given: Given, merged: Merged, problems: list[Problem]) -> None:
    merged.writers[key.name] = given
    try:
        merged.values[key.name] = key.reader.read(given.value, given.folder)
        merged.broken.discard(key.name)
    except Mistakes as found:
        problems += [Problem(given.where(one.index), one.cause, one.fix) for one in found.mistakes]
        merged.broken.add(key.name)


def _default(key: Key, folder: Path, merged: Merged) -> object:
    """The default of a key; two of them depend on where we are."""
    if key.name == "state_dir":
        return (folder / "var").absolute()
    if key.name == "store":
        state_dir = merged.values.get("state_dir", (folder / "var").absolute())
        assert isinstance(state_dir, Path)
        return StoreAddress("sqlite", state_dir / "sipapp.sqlite")
    return key.default


def _reading_order(problem: Problem, path: Path | None) -> tuple[bool, int]:
    """Whoever mends a file goes through it once."""
    line = re.match(r":(\d+)", problem.where.removeprefix(str(path)))
    in_file = path is not None and problem.where.startswith(str(path))
    return not in_file, int(line[1]) if in_file and line else 0


def _build(merged: Merged, source: Path | None) -> Config:
    config = Config()
    changes: dict[str, object] = {}
    for one in fields(config):
        section = getattr(config, one.name)
        if one.metadata:
            changes[one.name] = merged.values[one.name]
        elif is_dataclass(section) and not isinstance(section, type):
            inner = {key.name: merged.values[f"{one.name}.{key.name}"] for key in fields(section)}
            changes[one.name] = replace(section, **inner)
    changes["app_sections"] = MappingProxyType(
        {name: MappingProxyType(dict(table)) for name, table in merged.app_sections.items()}
    )
    changes["source"] = source.absolute() if source is not None else None
    return replace(config, **changes)  # type: ignore[arg-type]  # the readers have checked every type
