"""The rules of the forwarding application: what they say, and which calls they are for."""

from __future__ import annotations

__all__ = ["DAYS", "Rule", "Settings"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from sipapp.app.settings import Between
from sipapp.message.uri import SipUri, Uri

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

DAYS: Mapping[Day, int] = {
    "mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6,
}  # fmt: skip
"""As ``datetime.weekday`` counts them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One ``[[app.forwarding.rule]]``.

    Attributes:
        user: who is called: a user of any domain of ours, or ``user@domain``.
        to: who is called instead.
        id: what the log calls it.
        ring: seconds until nobody answers; of rules for "no-answer".
        how: "redirect" has the caller do it.
        callers: patterns of addresses-of-record without their scheme; empty for everybody.
        days: empty for all.
        since, until: the time of day, over midnight if ``until`` is the earlier one.
    """

    user: str
    to: Uri
    when: Literal["unconditional", "busy", "no-answer", "unavailable"] = "unconditional"
    id: str = ""
    ring: Annotated[float, Between(1, 180)] = 20.0
    how: Literal["proxy", "redirect"] = "proxy"
    callers: tuple[str, ...] = ()
    days: frozenset[Day] = frozenset()
    since: time = field(default=time.min, metadata={"key": "from"})
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
            return self._on((now.weekday() - 1) % 7)
        if not self._on(now.weekday()):
            return False
        return self.since <= clock and (over_midnight or clock < self.until)

    def _on(self, weekday: int) -> bool:
        return not self.days or weekday in {DAYS[day] for day in self.days}


@dataclass(frozen=True, slots=True)
class Settings:
    """The section ``[app.forwarding]``.

    Attributes:
        timezone: of the times in the rules, as IANA names it.
    """

    rule: tuple[Rule, ...] = ()
    timezone: str = "UTC"
