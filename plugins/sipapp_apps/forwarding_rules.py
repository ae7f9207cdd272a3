"""The rules of the forwarding application: what they say, and which calls they are for."""

from __future__ import annotations

__all__ = ["Rule", "Settings"]

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from sipapp.app.settings import Between
from sipapp.message.uri import Uri
from sipapp_apps.hours import Hours
from sipapp_apps.parties import is_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Hours):
    """One ``[[app.forwarding.rule]]``.

    Attributes:
        user: who is called: a user of any domain of ours, or ``user@domain``; may be a pattern.
        to: who is called instead.
        id: what the log calls it.
        ring: seconds until nobody answers; of rules for "no-answer".
        how: "redirect" has the caller do it.
        callers: patterns of addresses-of-record without their scheme; empty for everybody.
    """

    user: str
    to: Uri
    when: Literal["unconditional", "busy", "no-answer", "unavailable"] = "unconditional"
    id: str = ""
    ring: Annotated[float, Between(1, 180)] = 20.0
    how: Literal["proxy", "redirect"] = "proxy"
    callers: tuple[str, ...] = ()

    def fits(self, called: Sequence[str], caller: str, now: datetime) -> bool:
        """Whether the rule is for this call, at this local time.

        Args:
            called: the user who is called, as ``user`` and ``user@domain``.
            caller: address-of-record without its scheme.
        """
        if not is_named(called, (self.user,)):
            return False
        if self.callers and not is_named((caller,), self.callers):
            return False
        return self.cover(now)


@dataclass(frozen=True, slots=True)
class Settings:
    """The section ``[app.forwarding]``.

    Attributes:
        timezone: of the times in the rules, as IANA names it.
    """

    rule: tuple[Rule, ...] = ()
    timezone: str = "UTC"
