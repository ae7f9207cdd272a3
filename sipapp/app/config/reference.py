"""Texts made from the keys: the commented file of ``sipapp init`` and the listing of ``--show``."""

from __future__ import annotations

__all__ = ["commented_file", "shown"]

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import cast

from sipapp.app.config.load import Loaded
from sipapp.app.config.values import Config, keys

_HEADER = """\
# Configuration of sipapp. Every key is here; a line that begins with "#" shows the default or an
# example. Check it with:  sipapp check -c {name}
# Start with:              twistd -n sipapp -c {name}
# The environment overrides it: SIPAPP_AUTH=none, SIPAPP_REGISTRAR__MIN_EXPIRES=30.
"""

# What somebody who starts anew has to decide; all else may stay as it is.
_DECIDE = ("listen", "domains", "apps", "auth")


def commented_file(name: str) -> str:
    """Write a configuration that works as it stands and explains itself.

    Args:
        name: of the file, for the commands in its first lines.
    """
    lines = [_HEADER.format(name=name)]
    section = ""
    for key in keys():
        if len(key.path) == 2 and key.path[0] != section:
            section = key.path[0]
            about = (type(getattr(Config(), section)).__doc__ or "").strip()
            lines += [f"\n# {about}", f"[{section}]\n"]
        lines += [f"# {line}" for line in wrap(key.doc, 96)]
        if key.reader.shape:
            lines.append(f"# ({key.reader.shape})")
        mark = "" if key.name in _DECIDE else "#"
        lines.append(f"{mark}{key.path[-1]} = {key.sample}\n")
    lines.append("# An application's own keys, for example:\n#[app.redirect]\n#key = true")
    return "\n".join(lines) + "\n"


def shown(loaded: Loaded) -> str:
    """List every value with its origin, one a line, in the order of the reference."""
    rows = list(_rows(loaded))
    width = max(len(f"{name} = {value}") for name, value, _ in rows)
    width = min(width, 72)
    return "\n".join(f"{f'{name} = {value}':{width}}  # {origin}" for name, value, origin in rows)


def _rows(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    for key in keys(loaded.config):
        yield key.name, _toml(key.default), loaded.origins[key.name]
    for app, table in loaded.config.app_sections.items():
        for name, value in table.items():
            yield f"app.{app}.{name}", _toml(value), loaded.origins[f"app.{app}.{name}"]


def _toml(value: object) -> str:
    """Write a value the way a file would."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:.15g}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, dict):
        table = cast("Mapping[str, object]", value)
        return f"{{{', '.join(f'{name} = {_toml(one)}' for name, one in table.items())}}}"
    if value is None:
        return "(none)"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
