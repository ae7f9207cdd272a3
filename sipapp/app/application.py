"""A base for applications: both coroutines pass on until they are overridden."""

from __future__ import annotations

__all__ = ["Application"]

from collections.abc import Mapping

from zope.interface import implementer

from sipapp.app.interfaces import ICall, ISIPApplication, ISIPServer


@implementer(ISIPApplication)
class Application:
    """Derive from this, or provide `ISIPApplication` in your own way.

    Attributes:
        sip: what the server offers beyond the call at hand.
        section: the table ``[app.NAME]`` of the config.
    """

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        self.sip = sip
        self.section = section

    async def call(self, call: ICall) -> object:
        """Pass every INVITE on."""
        return await call.pass_on()

    async def request(self, call: ICall) -> object:
        """Pass every other request on."""
        return await call.pass_on()
