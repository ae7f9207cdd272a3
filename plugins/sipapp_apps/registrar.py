"""The registrar: answers REGISTER, and leaves everything else to the next application."""

from __future__ import annotations

__all__ = ["Registrar"]

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall


class Registrar(Application):
    """Registrations of the server's domains (RFC 3261 10).

    The core does the work; limits and lifetimes are the ``[registrar]`` table of the config.
    """

    async def request(self, call: ICall) -> None:
        """Answer a REGISTER once the bindings are durable."""
        if call.request.method != "REGISTER":
            return await call.pass_on()
        await self.sip.register(call)
