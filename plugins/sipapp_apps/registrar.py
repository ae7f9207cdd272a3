"""The registrar: answers REGISTER, and leaves everything else to the next application."""

from __future__ import annotations

__all__ = ["Registrar"]

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall


class Registrar(Application):
    """Registrations of the server's domains (RFC 3261 10).

    A REGISTER for another domain is passed on: 10.3 step 1 has a server that is also a proxy
    forward it. Without the proxy behind this application it is answered 404.

    The core does the work; limits and lifetimes are the ``[registrar]`` table of the config.
    """

    async def request(self, call: ICall) -> None:
        """Answer a REGISTER once the bindings are durable."""
        if call.request.method != "REGISTER" or not self.sip.is_ours(call.request):
            await call.pass_on()
        else:
            await self.sip.register(call)
