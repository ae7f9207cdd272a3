"""Sections of applications, read by the type hints of a dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Annotated, Literal

import pytest

from sipapp.app.settings import Between, read_settings
from sipapp.errors import ConfigError
from sipapp.message.uri import Uri, parse_uri


@dataclass(frozen=True, slots=True)
class Line:
    """A table within a section."""

    name: str
    to: Uri | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """One field of each kind."""

    text: str = "t"
    switch: bool = False
    whole: int = 0
    number: Annotated[float, Between(0.5, 9)] = 1.0
    share: Annotated[int, Between(1, 3)] = 1
    hour: time = time(8)
    target: Uri | None = None
    mode: Literal["a", "b"] = "a"
    names: tuple[str, ...] = ()
    days: frozenset[Literal["mon", "tue"]] = frozenset()
    table: Mapping[str, tuple[Uri, ...]] = field(default_factory=dict)
    line: tuple[Line, ...] = ()
    from_: str | None = field(default=None, metadata={"key": "from"})


def mistakes(section: Mapping[str, object]) -> list[str]:
    """What is wrong with a section."""
    with pytest.raises(ConfigError) as caught:
        read_settings(Settings, section, "app.x")
    return [str(problem).removeprefix("app.x.") for problem in caught.value.problems]


def test_what_is_left_out_has_its_default() -> None:
    """An application without a section starts."""
    assert read_settings(Settings, {}, "app.x") == Settings()


def test_every_kind_of_value() -> None:
    """As TOML gives them; one value may stand for a list."""
    uri = parse_uri(b"sip:a@h")
    section = {
        "text": "",
        "switch": True,
        "whole": 7,
        "number": 2,
        "share": 3,
        "hour": time(9, 30),
        "target": "sip:a@h",
        "mode": "b",
        "names": ["n", "m"],
        "days": "mon",
        "table": {"one": "sip:a@h", "two": ["sip:a@h", "sip:a@h"]},
        "line": [{"name": "l"}, {"name": "m", "to": "sip:a@h"}],
        "from": "f",
    }
    assert read_settings(Settings, section, "app.x") == Settings(
        "",
        True,
        7,
        2,
        3,
        time(9, 30),
        uri,
        "b",
        ("n", "m"),
        frozenset(("mon",)),
        {"one": (uri,), "two": (uri, uri)},
        (Line("l"), Line("m", uri)),
        "f",
    )


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"text": 1}, "text: is no text; write it in quotes"),
        ({"switch": "yes"}, "switch: is not true or false; write it without quotes"),
        ({"whole": 1.5}, "whole: is no whole number; write it without quotes and fractions"),
        ({"whole": True}, "whole: is no whole number; write it without quotes and fractions"),
        ({"number": "2"}, "number: is no number; write it without quotes"),
        ({"number": False}, "number: is no number; write it without quotes"),
        ({"number": 0.4}, "number: 0.4 is out of range; use a number from 0.5 to 9"),
        ({"share": 4}, "share: 4 is out of range; use a number from 1 to 3"),
        ({"hour": "08:00"}, "hour: is no time of day; write it as 18:00:00, without quotes"),
        ({"target": 5}, 'target: 5 is no URI; write it as "sip:user@example.com"'),
        ({"mode": "c"}, "mode: 'c' is none of the words; use a or b"),
        ({"mode": []}, "mode: [] is none of the words; use a or b"),
        ({"names": ["n", 2]}, "names[2]: is no text; write it in quotes"),
        ({"names": 2}, "names: is no text; write it in quotes"),
        ({"days": ["sun"]}, "days[1]: 'sun' is none of the words; use mon or tue"),
        ({"table": []}, "table: is no table; write [app.x.table]"),
        (
            {"table": {"one": ["sip:a@h", "b"]}},
            "table.one[2]: 'b' is no URI; write it as \"sip:user@example.com\"",
        ),
        ({"line": [{}]}, "line[1].name: is missing; write it"),
        ({"line": {"name": 1}}, "line.name: is no text; write it in quotes"),
        ({"line": [{"name": "n", "nane": 1}]}, "line[1].nane: is no key here; use name or to"),
    ],
)
def test_one_mistake(section: dict[str, object], expected: str) -> None:
    """Where it is, what is wrong, and what to do."""
    assert mistakes(section) == [expected]


def test_all_mistakes_are_told() -> None:
    """In the order of the fields, unknown keys last."""
    found = mistakes({"unknown": 1, "line": [{"to": 1}, 2], "text": 1})
    assert [line.partition(":")[0] for line in found] == [
        "text",
        "line[1].name",
        "line[1].to",
        "line[2]",
        "unknown",
    ]
