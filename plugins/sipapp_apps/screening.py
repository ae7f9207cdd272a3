"""Call screening: who may call whom, do not disturb, no anonymous callers, not too many calls."""

from __future__ import annotations

__all__ = ["Screening"]

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from twisted.logger import Logger

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall, ISIPServer
from sipapp.app.settings import Between, read_settings
from sipapp_apps.hours import Hours, zone
from sipapp_apps.parties import caller_of, is_named, names_of

MOST_SOURCES = 10_000
"""Addresses that are counted in a minute; with one more the counting begins again."""

_STATUS = {"refuse": 603, "busy": 486}
_HIDDEN = frozenset(("id", "user", "header"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Hours):
    """One ``[[app.screening.rule]]``.

    Attributes:
        users: patterns of who is called, ``user`` or ``user@domain``; empty for everybody.
        callers: patterns of addresses-of-record without their scheme; empty for everybody.
        anonymous: the rule is for callers who hide their name.
        above: it is for the calls of one address beyond so many in a minute; 0 for all calls.
        action: "allow" ends the screening.
        id: what the log calls it.
    """

    users: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    anonymous: bool = False
    above: Annotated[int, Between(0, 100_000)] = 0
    action: Literal["refuse", "busy", "allow"] = "refuse"
    id: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The section ``[app.screening]``."""

    rule: tuple[Rule, ...] = ()
    timezone: str = "UTC"


class Screening(Application):
    """Refuses calls by the rules in ``[[app.screening.rule]]``; the first that fits counts."""

    log = Logger()

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        super().__init__(sip, section)
        settings = read_settings(Settings, section, "app.screening")
        self.rules = settings.rule
        self.zone = zone(settings.timezone, "app.screening.timezone")
        self._minute = 0.0
        self._calls: Counter[str] = Counter()

    async def call(self, call: ICall) -> None:
        """Refuse, or pass on."""
        if not self.rules:
            await call.pass_on()
            return
        counted = call.facts.get("screened")  # it was diverted, and comes by again
        calls = counted if isinstance(counted, int) else self._count(call.flow.remote[0])
        rule = self._rule_for(call, calls)
        if rule is None or rule.action == "allow":
            await call.pass_on(screened=calls)
            return
        self.log.info(
            "rule {rule}: {action} call {call_id} of {caller} to {called}",
            rule=rule.id or self.rules.index(rule) + 1,
            action=rule.action,
            call_id=call.request.call_id,
            caller=caller_of(call),
            called=str(call.request.uri),
        )
        told = rule.anonymous and rule.action == "refuse"
        await call.respond(433 if told else _STATUS[rule.action])  # 433: RFC 5079

    def _rule_for(self, call: ICall, calls: int) -> Rule | None:
        now = self.sip.now().astimezone(self.zone)
        called, caller = names_of(call, self.sip), caller_of(call)
        hidden = _is_anonymous(call)
        for rule in self.rules:
            if (
                (not rule.users or is_named(called, rule.users))
                and (not rule.callers or is_named((caller,), rule.callers))
                and (hidden or not rule.anonymous)
                and (not rule.above or calls > rule.above)
                and rule.cover(now)
            ):
                return rule
        return None

    def _count(self, source: str) -> int:
        """Count a call; give how many there were from its address in this minute."""
        minute = self.sip.now().timestamp() // 60
        if minute != self._minute or len(self._calls) >= MOST_SOURCES:
            self._minute = minute
            self._calls.clear()
        self._calls[source] += 1
        return self._calls[source]


def _is_anonymous(call: ICall) -> bool:
    """RFC 3323 4.1.1.3, and who asks for it by Privacy."""
    caller = caller_of(call)
    nameless = caller.endswith("@anonymous.invalid") or caller.startswith("anonymous@")
    return nameless or not _HIDDEN.isdisjoint(call.request.privacy)
