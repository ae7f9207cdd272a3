"""The proxy: sends requests to where the called user registered, or on to other domains."""

from __future__ import annotations

__all__ = ["Proxy"]

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall


class Proxy(Application):
    """The forking proxy (RFC 3261 16).

    Bindings of equal q ring together, lower q after higher; a Request-URI of another domain
    is looked up in DNS. Whether to stay in the dialog, to follow a 3xx, and how long Timer C
    runs, is the ``[proxy]`` table of the config. An application before it may pass on the fact
    ``ring``: the seconds that each group of targets may ring.
    """

    async def call(self, call: ICall) -> None:
        """Forward; a failure goes back when this returns."""
        ring = call.facts.get("ring")
        await call.proxy(ring=ring if isinstance(ring, int | float) else None)

    async def request(self, call: ICall) -> None:
        """Forward any other method the same way."""
        await call.proxy()
