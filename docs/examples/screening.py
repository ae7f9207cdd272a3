"""An application that refuses callers, and leaves everybody else to the applications after it."""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from sipapp.app.interfaces import ICall, ISIPApplication, ISIPServer
from sipapp.message.uri import SipUri


@implementer(ISIPApplication)
class Screening:
    """Refuses the callers that the configuration names."""

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        refused = section.get("refuse", [])
        self.refused = set(refused) if isinstance(refused, list) else {refused}

    async def call(self, call: ICall) -> None:
        """Answer 603 Decline, or pass the call on."""
        caller = call.request.from_.uri
        if isinstance(caller, SipUri) and caller.aor() in self.refused:
            await call.respond(603)
        else:
            await call.pass_on()

    async def request(self, call: ICall) -> None:
        """Registrations, messages and the rest are none of its business."""
        await call.pass_on()
