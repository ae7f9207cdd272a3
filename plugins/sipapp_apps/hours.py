"""The hours and days that a rule is for."""

from __future__ import annotations

__all__ = ["DAYS", "Day", "Hours", "zone"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sipapp.errors import ConfigError, Problem

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

DAYS: Mapping[Day, int] = {
    "mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6,
}  # fmt: skip
"""As ``datetime.weekday`` counts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """What rules that have hours begin with.

    Attributes:
        days: empty for all.
        since, until: the time of day, over midnight if ``until`` is the earlier one; a whole day
            if they are the same.
    """

    days: frozenset[Day] = frozenset()
    since: time = field(default=time.min, metadata={"key": "from"})
    until: time = time.max

    def cover(self, now: datetime) -> bool:
        """Whether a local time is among them; a night belongs to the day that it begins on."""
        clock, over_midnight = now.time(), self.until <= self.since
        if over_midnight and clock < self.until:
            return self._on((now.weekday() - 1) % 7)
        return (
            self._on(now.weekday())
            and self.since <= clock
            and (over_midnight or clock < self.until)
        )

    def _on(self, weekday: int) -> bool:
        return not self.days or weekday in {DAYS[day] for day in self.days}


def zone(name: str, where: str) -> ZoneInfo:
    """Find a time zone by its IANA name.

    Raises:
        ConfigError: there is none; ``where`` is the key that names it.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        cause = f"{name!r} is no time zone of this machine"
        raise ConfigError([Problem(where, cause, 'write it as "Europe/Paris"')]) from error
