"""The rules of the forwarding application: what they say, and how they are read."""

from __future__ import annotations

__all__ = ["DAYS", "Rule", "read_rules"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from fnmatch import fnmatchcase
from typing import Any

from sipapp.errors import MessageError, Problem
from sipapp.message.uri import SipUri, parse_uri

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As ``datetime.weekday`` counts them."""

_WHEN = ("unconditional", "busy", "no-answer", "unavailable")
_HOW = ("proxy", "redirect")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        id: what the log calls it.
        user: who is called: a user of any domain of ours, or ``user@domain``.
        when: "unconditional", "busy", "no-answer" or "unavailable".
        to: a URI.
        ring: seconds until nobody answers; of rules for "no-answer".
        how: "proxy", or "redirect" to have the caller do it.
        callers: patterns of addresses-of-record without their scheme; empty for everybody.
        days: numbers of weekdays; empty for all.
        since, until: the time of day, over midnight if ``until`` is the earlier one.
    """

    id: str
    user: str
    when: str
    to: str
    ring: float = 20.0
    how: str = "proxy"
    callers: tuple[str, ...] = ()
    days: frozenset[int] = frozenset()
    since: time = time.min
    until: time = time.max

    def fits(self, called: SipUri, caller: str, now: datetime) -> bool:
        """Whether the rule is for this call, at this local time.

        Args:
            called: the Request-URI.
            caller: address-of-record without its scheme.
        """
        user = called.plain_user or ""
        if self.user not in (user, f"{user}@{called.host}"):
            return False
        if self.callers and not any(fnmatchcase(caller, each) for each in self.callers):
            return False
        clock, over_midnight = now.time(), self.until < self.since
        if over_midnight and clock < self.until:  # the small hours belong to the day before
            return not self.days or (now.weekday() - 1) % 7 in self.days
        if self.days and now.weekday() not in self.days:
            return False
        return self.since <= clock and (over_midnight or clock < self.until)


def read_rules(rows: object, problems: list[Problem]) -> tuple[Rule, ...]:
    """Read ``[[app.forwarding.rule]]``; every mistake is added to ``problems``."""
    if not isinstance(rows, list):
        problems.append(_problem("", "is not a list of tables", "write [[app.forwarding.rule]]"))
        return ()
    rules = [_read(row, number, problems) for number, row in enumerate(rows, 1)]
    found = [rule for rule in rules if rule is not None]
    names = [rule.id for rule in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(_problem("", f"{name!r} is the id of two rules", "name one differently"))
    return tuple(found)


def _read(row: object, number: int, problems: list[Problem]) -> Rule | None:
    if not isinstance(row, Mapping):
        problems.append(_problem(f"[{number}]", "is no table", "write [[app.forwarding.rule]]"))
        return None
    wrong = [
        _problem(f"[{number}].{key}", "is no key of a rule", f"use {', '.join(_KEYS)}")
        for key in sorted(set(row) - set(_KEYS))
    ]
    values = {key: row.get(key, default) for key, (default, *_) in _KEYS.items()}
    for key, (_, is_right, cause, fix) in _KEYS.items():
        if not is_right(values[key]):
            wrong.append(_problem(f"[{number}].{key}", cause, fix))
    if wrong:
        problems += wrong
        return None
    days = frozenset(DAYS.index(day) for day in values.pop("days"))
    name = str(values.pop("id") or number)
    since, callers = values.pop("from"), tuple(values.pop("callers"))
    return Rule(id=name, since=since, callers=callers, days=days, **values)


def _problem(where: str, cause: str, fix: str) -> Problem:
    return Problem(f"app.forwarding.rule{where}", cause, fix)


def _is_uri(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(parse_uri(value.encode()))
    except MessageError:
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_days(value: object) -> bool:
    return isinstance(value, list) and all(each in DAYS for each in value)


def _is_ring(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= 180


def _is_time(value: object) -> bool:
    return isinstance(value, time)


_KEYS: Mapping[str, tuple[Any, Callable[[object], bool], str, str]] = {
    "id": ("", lambda value: isinstance(value, str), "is no text", 'write id = "bob-busy"'),
    "user": (None, _is_text, "is missing", 'write user = "bob" or "bob@example.com"'),
    "when": ("unconditional", _WHEN.__contains__, "is no condition", f"use {', '.join(_WHEN)}"),
    "to": (None, _is_uri, "is no URI", 'write to = "sip:carol@example.com"'),
    "ring": (20, _is_ring, "is no number of seconds from 1 to 180", "write ring = 20"),
    "how": ("proxy", _HOW.__contains__, "is no way", f"use {' or '.join(_HOW)}"),
    "callers": ([], _are_texts, "is no list of texts", 'write callers = ["boss@example.com"]'),
    "days": ([], _are_days, "is no list of days", f"use {', '.join(DAYS)}"),
    "from": (time.min, _is_time, "is no time of day", "write from = 18:00:00, without quotes"),
    "until": (time.max, _is_time, "is no time of day", "write until = 08:00:00, without quotes"),
}
"""The keys of a rule: the default, what is right, and what to say of what is not."""
