"""Call forwarding: unconditional, when busy, when nobody answers, when nobody can be reached."""

from __future__ import annotations

__all__ = ["Forwarding"]

from collections.abc import Mapping

from twisted.logger import Logger

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall, ISIPServer
from sipapp.app.settings import read_settings
from sipapp.core.diversion import diversion
from sipapp_apps.forwarding_rules import Rule, Settings
from sipapp_apps.hours import zone
from sipapp_apps.parties import caller_of, names_of

CONDITIONS: Mapping[int, tuple[str, ...]] = {
    486: ("busy",),
    600: ("busy",),
    408: ("no-answer", "unavailable"),
    480: ("unavailable", "no-answer"),  # many phones say so when they have rung in vain
    404: ("unavailable",),
    430: ("unavailable",),
    500: ("unavailable",),
    503: ("unavailable",),
}
"""How a call ended, and the rules that are for it, in this order."""


class Forwarding(Application):
    """Forwards the calls of users who have a rule in ``[[app.forwarding.rule]]``.

    The first rule that fits counts. Calls of everybody else, and those that no rule is for, are
    passed on; so this application stands before ``proxy``. ``timezone`` is for the rules that have
    a time.
    """

    log = Logger()

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        super().__init__(sip, section)
        settings = read_settings(Settings, section, "app.forwarding")
        self.zone = zone(settings.timezone, "app.forwarding.timezone")
        self.rules = settings.rule

    async def call(self, call: ICall) -> None:
        """Forward at once; or have the others try, and forward what they could not bring home."""
        rules = self._fitting(call)
        for rule in rules:
            if rule.when == "unconditional":
                return await self._forward(call, rule)
        rings = [rule.ring for rule in rules if rule.when == "no-answer"]
        outcome = await (call.pass_on(ring=min(rings)) if rings else call.pass_on())
        for condition in CONDITIONS.get(outcome.status, ()):
            for rule in rules:
                if rule.when == condition and not call.answered:
                    return await self._forward(call, rule)
        return None

    def _fitting(self, call: ICall) -> list[Rule]:
        """The rules for who is called, by whom, and when; in the order of the config."""
        if not self.rules or not self.sip.is_ours(call.request):
            return []
        called = names_of(call, self.sip)
        caller, now = caller_of(call), self.sip.now().astimezone(self.zone)
        return [rule for rule in self.rules if rule.fits(called, caller, now)]

    async def _forward(self, call: ICall, rule: Rule) -> None:
        self.log.info(
            "rule {rule}: call {call_id} for {called} goes to {to}: {when}",
            rule=rule.id or self.rules.index(rule) + 1,
            call_id=call.request.call_id,
            called=str(call.request.uri),
            to=str(rule.to),
            when=rule.when,
        )
        if rule.how == "proxy":
            await call.divert(rule.to, rule.when)
        else:
            told = [("Diversion", diversion(call.request, rule.when))]
            await call.respond(302, to=[str(rule.to)], headers=told)
