"""RFC 3263: from a SIP URI to the ordered list of places to try.

Steps, each taken only if the one before gave nothing: a numeric host, or a port, is taken at its
word; NAPTR names the transports that a domain offers; SRV names its servers; A and AAAA are the
last resort. MX has never had a part in it. The first record that answers wins, in the order that
the records ask for, and the others follow as places to fail over to.
"""

from __future__ import annotations

__all__ = ["Dns", "Resolver"]

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sipapp.errors import ResolveFailed
from sipapp.message.uri import SipUri
from sipapp.transport.binding import family, numeric
from sipapp.transport.dns import Answer, Naptr, Srv
from sipapp.transport.hop import Hop, default_port
from sipapp.transport.lookup import Lookup
from sipapp.transport.search import Lookups, Search, chosen_transport, target

MOST_HOPS = 24
"""Places to try: a zone with a thousand records is an attack on somebody."""

_AVOIDED = 1024
_LITERALS = 4096


class Dns(Protocol):
    """Asks DNS. A Deferred that fails means that nobody answered."""

    def naptr(self, name: str) -> Deferred[Answer[Naptr]]:
        """The NAPTR records of a domain."""

    def srv(self, name: str) -> Deferred[Answer[Srv]]:
        """The SRV records of ``_service._proto.domain``."""

    def addresses(self, name: str, family: int) -> Deferred[Answer[str]]:
        """The A (4) or AAAA (6) records of a host."""


class Resolver:
    """Locates SIP servers, and remembers what DNS said.

    Bounds: 4 x 1024 answers, hours at most; 2 s a question, 5 s a URI; 24 places a URI.

    Args:
        dns: asks; ``names`` has the real one, ``zone`` one in memory.
        clock: ages and timeouts.
        uniform: numbers from 0 up to 1, for SRV weights.
        transports: what we can send by, as Via spells them.
        families: address families that we have, 4 and 6.
    """

    def __init__(
        self,
        dns: Dns,
        clock: IReactorTime,
        *,
        uniform: Callable[[], float],
        transports: Sequence[str] = ("UDP", "TCP"),
        families: Sequence[int] = (4, 6),
    ) -> None:
        self._clock = clock
        self._uniform = uniform
        self._transports = transports
        self._lookups = Lookups(
            Lookup(dns.naptr, clock),
            Lookup(dns.srv, clock),
            [Lookup(partial(dns.addresses, family=family), clock) for family in families],
        )
        self._families = families
        self._avoided: dict[Hop, float] = {}
        self._literals: dict[tuple[object, ...], list[Hop] | None] = {}

    def literal(self, uri: SipUri, *, transports: Sequence[str] | None = None) -> list[Hop] | None:
        """Locate without DNS; None if DNS must be asked.

        Returns: one hop, or none if no transport or address family of ours can get there: a
            ``sips:`` URI over UDP, for example.
        """
        if transports is not None:
            return self._literal(uri, transports)
        key = (uri.scheme, uri.host, uri.port, str(uri.params))
        if key not in self._literals:
            if len(self._literals) >= _LITERALS:
                self._literals.clear()
            self._literals[key] = self._literal(uri, self._transports)
        known = self._literals[key]
        return None if known is None else known.copy()  # callers take hops off their list

    def _literal(self, uri: SipUri, transports: Sequence[str]) -> list[Hop] | None:
        host = numeric(target(uri))
        if host is None:
            return None
        transport = chosen_transport(uri, transports)
        if transport is None or family(host) not in self._families:
            return []
        return [Hop(transport, host, uri.port or default_port(transport))]

    def locate(
        self,
        uri: SipUri,
        *,
        transports: Sequence[str] | None = None,
        outbound: SipUri | None = None,
        stateless: bool = False,
    ) -> Deferred[list[Hop]]:
        """Give the places to try for ``uri``, best first, never an empty list.

        RFC: 3263 4, 2782, 7984. What fails here is an answer 503 or 408-like: a name without
        address, a transport that we lack.

        Args:
            transports: what may be used for this request, instead of all that we have.
            outbound: the configured outbound proxy, located instead.
            stateless: order equal servers in the same way each time (3263 4.4).
        Returns: fails with ``ResolveFailed`` at the latest after 5 s.
        """
        uri = outbound or uri
        supported = transports or self._transports
        literal = self.literal(uri, transports=supported)
        if literal is None:
            uniform = None if stateless else self._uniform
            search = Search(self._lookups, self._clock, uri, supported, uniform)
            return Deferred.fromCoroutine(self._finish(uri, search.hops()))
        return Deferred.fromCoroutine(self._finish(uri, _given(literal)))

    def avoid(self, hop: Hop, seconds: float) -> None:
        """Try ``hop`` last for a while: it failed, or said Retry-After with a 503.

        RFC: 3263 4.3, 3261 21.5.4.
        """
        if len(self._avoided) >= _AVOIDED:
            del self._avoided[next(iter(self._avoided))]
        self._avoided[hop] = self._clock.seconds() + seconds

    async def _finish(self, uri: SipUri, found: Coroutine[Any, Any, list[Hop]]) -> list[Hop]:
        hops = list(dict.fromkeys(await found))[:MOST_HOPS]
        if not hops:
            raise ResolveFailed(f"no way to {target(uri)} is known")
        now = self._clock.seconds()
        return sorted(hops, key=lambda hop: self._avoided.get(hop, 0.0) > now)


async def _given(hops: list[Hop]) -> list[Hop]:
    return hops
