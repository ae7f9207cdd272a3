"""The section of an application as a typed value, read by the type hints of a dataclass.

```python
@dataclass(frozen=True, slots=True)
class Settings:
    greeting: str = "hello"
    ring: Annotated[float, Between(1, 180)] = 20.0      # seconds
    mode: Literal["proxy", "redirect"] = "proxy"
    table: Mapping[str, tuple[Uri, ...]] = field(default_factory=dict)
    rule: tuple[Rule, ...] = ()                          # Rule is such a dataclass, too

settings = read_settings(Settings, section, "app.mine")
```

A key is the name of its field, or what ``metadata={"key": ...}`` says where that is a word of
Python. A field without a default must be there. Where a list may stand, one value may stand alone.
"""

from __future__ import annotations

__all__ = ["Between", "read_settings"]

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import time
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from sipapp.errors import ConfigError, MessageError, Problem
from sipapp.message.uri import Uri, parse_uri

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the greatest of a number, for ``Annotated``."""

    least: float
    most: float


class _Wrong(Exception):
    """One value is not what its type says."""

    def __init__(self, cause: str, fix: str) -> None:
        self.cause = cause
        self.fix = fix


def read_settings(kind: type[T], section: Mapping[str, object], where: str) -> T:
    """Read a section.

    Args:
        kind: a dataclass whose fields are of these types: str, bool, int, float, ``time``, ``Uri``,
            ``Literal``, tuple or frozenset of one type, ``Mapping`` of str, another such dataclass,
            or one of them or None.
        section: as TOML gives it.
        where: how messages begin, such as ``app.mine``.
    Raises:
        ConfigError: every mistake there is.
    """
    problems: list[Problem] = []
    settings = _read_table(kind, section, where, problems)
    if problems:
        raise ConfigError(problems)
    return settings  # type: ignore[no-any-return]  # without a problem it was made


def _read_table(kind: type, table: object, where: str, problems: list[Problem]) -> Any:
    if not isinstance(table, Mapping):
        problems.append(Problem(where, "is no table", f"write [{where}]"))
        return None
    hints = get_type_hints(kind, include_extras=True)
    keys = {str(each.metadata.get("key", each.name)): each for each in fields(kind)}
    before, values = len(problems), {}
    for key, each in keys.items():
        if key in table:
            values[each.name] = _read(hints[each.name], table[key], f"{where}.{key}", problems)
        elif each.default is MISSING and each.default_factory is MISSING:
            problems.append(Problem(f"{where}.{key}", "is missing", "write it"))
    for key in sorted(set(table) - set(keys)):
        problems.append(Problem(f"{where}.{key}", "is no key here", f"use {_either(keys)}"))
    return kind(**values) if len(problems) == before else None


def _read(hint: Any, value: object, where: str, problems: list[Problem]) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _read_number(arguments, value, where, problems)
    if hint != Uri and origin in (Union, UnionType):  # X | None
        kinds = [each for each in arguments if each is not NoneType]
        return _read(kinds[0] if len(kinds) == 1 else Uri, value, where, problems)
    if origin in (tuple, frozenset):
        listed = value if isinstance(value, list) else [value]
        one = len(listed) == 1 and not isinstance(value, list)
        return origin(
            _read(arguments[0], each, where if one else f"{where}[{number}]", problems)
            for number, each in enumerate(listed, 1)
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            problems.append(Problem(where, "is no table", f"write [{where}]"))
            return None
        return {
            key: _read(arguments[1], each, f"{where}.{key}", problems)
            for key, each in value.items()
        }
    if is_dataclass(hint):
        return _read_table(hint, value, where, problems)  # type: ignore[arg-type]
    try:
        return _word(arguments, value) if origin is Literal else _SCALARS[hint](value)
    except _Wrong as wrong:
        problems.append(Problem(where, wrong.cause, wrong.fix))
        return None


def _read_number(
    arguments: tuple[Any, ...], value: object, where: str, problems: list[Problem]
) -> Any:
    hint, bounds = arguments
    before = len(problems)
    number = _read(hint, value, where, problems)
    if len(problems) == before and not bounds.least <= number <= bounds.most:
        fix = f"use a number from {bounds.least:g} to {bounds.most:g}"
        problems.append(Problem(where, f"{number:g} is out of range", fix))
    return number


def _word(words: tuple[str, ...], value: object) -> object:
    if value not in words:
        raise _Wrong(f"{value!r} is none of the words", f"use {_either(words)}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong("is no text", "write it in quotes")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("is not true or false", "write it without quotes")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Wrong("is no whole number", "write it without quotes and fractions")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Wrong("is no number", "write it without quotes")
    return value


def _time(value: object) -> time:
    if not isinstance(value, time):
        raise _Wrong("is no time of day", "write it as 18:00:00, without quotes")
    return value


def _uri(value: object) -> Uri:
    try:
        return parse_uri(_text(value).encode("utf-8", "surrogateescape"))
    except (MessageError, _Wrong):
        raise _Wrong(f"{value!r} is no URI", 'write it as "sip:user@example.com"') from None


def _either(words: Any) -> str:
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


_SCALARS: Mapping[Any, Callable[[object], object]] = {
    str: _text,
    bool: _switch,
    int: _whole,
    float: _number,
    time: _time,
    Uri: _uri,
}
