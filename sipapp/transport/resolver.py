"""RFC 3263: from a SIP URI to the ordered list of places to try.

Steps, each taken only if the one before gave nothing: a numeric host, or a port, is taken at its
word; NAPTR names the transports that a domain offers; SRV names its servers; A and AAAA are the
last resort. MX has never had a part in it. The first record that answers wins, in the order that
the records ask for, and the others follow as places to fail over to.
"""

from __future__ import annotations

__all__ = ["Dns", "Resolver"]

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IReactorTime

from sipapp.errors import ResolveFailed
from sipapp.message.uri import SipUri
from sipapp.transport.binding import family, numeric
from sipapp.transport.dns import Answer, Naptr, Srv
from sipapp.transport.hop import Hop, default_port
from sipapp.transport.lookup import PATIENCE, Lookup
from sipapp.transport.preference import by_address, by_weight

BUDGET = 5.0
"""Seconds that locating one URI may take."""

MOST_HOPS = 24
"""Places to try: a zone with a thousand records is an attack on somebody."""

MOST_TARGETS = 16

_AVOIDED = 1024
_LITERALS = 4096

# RFC 3263 4.1 and 9, RFC 7118 8.2.
_BY_SERVICE = {
    "SIP+D2U": "UDP",
    "SIP+D2T": "TCP",
    "SIPS+D2T": "TLS",
    "SIP+D2W": "WS",
    "SIPS+D2W": "WSS",
}
_SERVICE_NAMES = {
    "TLS": "_sips._tcp.",
    "TCP": "_sip._tcp.",
    "UDP": "_sip._udp.",
    "WSS": "_sips._ws.",
    "WS": "_sip._ws.",
}
_CLEAR = {"udp": "UDP", "tcp": "TCP", "tls": "TLS", "ws": "WS", "wss": "WSS"}
_SECURE = {"tcp": "TLS", "tls": "TLS", "ws": "WSS", "wss": "WSS"}


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
        self._naptr = Lookup(dns.naptr, clock)
        self._srv = Lookup(dns.srv, clock)
        self._addresses = [
            Lookup(lambda name, family=family: dns.addresses(name, family), clock)  # type: ignore[misc]
            for family in families
        ]
        self._families = families
        self._avoided: dict[Hop, float] = {}
        self._literals: dict[tuple[object, ...], list[Hop] | None] = {}

    def literal(self, uri: SipUri, *, transports: Sequence[str] | None = None) -> list[Hop] | None:
        """Locate without DNS; None if DNS must be asked.

        Returns: one hop, or none if no transport or address family of ours can get there: a
            ``sips:`` URI over UDP, for example.
        """
        if transports is None:
            key = (uri.scheme, uri.host, uri.port, str(uri.params))
            if key not in self._literals:
                if len(self._literals) >= _LITERALS:
                    self._literals.clear()
                self._literals[key] = self._literal(uri, self._transports)
            return self._literals[key]
        return self._literal(uri, transports)

    def _literal(self, uri: SipUri, transports: Sequence[str]) -> list[Hop] | None:
        host = numeric(_target(uri))
        if host is None:
            return None
        transport = self._transport(uri, transports)
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
            search = _Search(self, uri, supported, uniform, self._clock.seconds() + BUDGET)
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
            raise ResolveFailed(f"no way to {_target(uri)} is known")
        now = self._clock.seconds()
        return sorted(hops, key=lambda hop: self._avoided.get(hop, 0.0) > now)

    def _transport(self, uri: SipUri, supported: Sequence[str]) -> str | None:
        """The transport where no record names one: as asked for, else UDP or TLS."""
        secure = uri.scheme == "sips"
        asked = uri.params.get("transport")
        if asked is not None:
            chosen = (_SECURE if secure else _CLEAR).get(asked.lower())
            return chosen if chosen in supported else None
        fit = ("TLS",) if secure else ("UDP", "TCP", "TLS")
        return next((transport for transport in fit if transport in supported), None)


class _Search:
    """One run through the steps of RFC 3263."""

    def __init__(
        self,
        resolver: Resolver,
        uri: SipUri,
        supported: Sequence[str],
        uniform: Callable[[], float] | None,
        deadline: float,
    ) -> None:
        self._resolver = resolver
        self._uri = uri
        self._domain = _target(uri).rstrip(".").lower()
        self._supported = supported
        self._uniform = uniform
        self._deadline = deadline

    async def hops(self) -> list[Hop]:
        """4.1 and 4.2."""
        uri, resolver = self._uri, self._resolver
        transport = resolver._transport(uri, self._supported)
        if uri.port is not None:
            return [] if transport is None else await self._by_host(transport, uri.port)
        if uri.params.get("transport") is not None:
            if transport is None:
                return []
            return await self._by_services([(transport, _SERVICE_NAMES[transport] + self._domain)])
        for services in self._by_preference(await resolver._naptr(self._domain, self._patience())):
            if hops := await self._by_srv(services):
                return hops
        return await self._by_services(
            [
                (name, prefix + self._domain)
                for name, prefix in _SERVICE_NAMES.items()
                if self._usable(name)
            ]
        )

    def _patience(self) -> float:
        return min(PATIENCE, self._deadline - self._resolver._clock.seconds())

    def _usable(self, transport: str) -> bool:
        secure = transport in ("TLS", "WSS")
        return transport in self._supported and (secure or self._uri.scheme == "sip")

    def _by_preference(self, records: Iterable[Naptr]) -> list[list[tuple[str, str]]]:
        """The services that we can use, those of equal order together (RFC 3403 4.1)."""
        groups: dict[int, list[tuple[str, str]]] = {}
        for record in sorted(records, key=lambda record: (record.order, record.preference)):
            transport = _BY_SERVICE.get(record.service.upper())
            usable = transport is not None and self._usable(transport)
            if usable and record.flags.lower() == "s" and not record.regexp:
                groups.setdefault(record.order, []).append((transport or "", record.replacement))
        return list(groups.values())

    async def _by_services(self, services: list[tuple[str, str]]) -> list[Hop]:
        """SRV, and addresses of the domain itself if there is none of them."""
        hops = await self._by_srv(services)
        transport = self._resolver._transport(self._uri, self._supported)
        if hops is not None or transport is None:
            return hops or []
        return await self._by_host(transport, default_port(transport))

    async def _by_srv(self, services: list[tuple[str, str]]) -> list[Hop] | None:
        """The hops behind some SRV names, in the order of the names; None if none exists."""
        patience = self._patience()
        asked = [self._resolver._srv(name.rstrip(".").lower(), patience) for _, name in services]
        found = await gatherResults(asked)
        servers = [
            (transport, record)
            for (transport, _), records in zip(services, found, strict=True)
            for record in by_weight(records, self._uniform)
        ]
        if not servers:
            return None
        # A target of "." says that the service is not offered there (RFC 2782).
        offered = [(t, record) for t, record in servers if record.target not in ("", ".")]
        located = await gatherResults(
            [self._of_host(record.target) for _, record in offered[:MOST_TARGETS]]
        )
        return [
            self._hop(transport, address, record.port)
            for (transport, record), addresses in zip(offered, located, strict=False)
            for address in addresses
        ]

    async def _by_host(self, transport: str, port: int) -> list[Hop]:
        return [
            self._hop(transport, address, port) for address in await self._of_host(self._domain)
        ]

    def _of_host(self, name: str) -> Deferred[list[str]]:
        """All addresses of one name, never mixed with those of another (RFC 7984 3.1, 4)."""
        if (host := numeric(name)) is not None:
            return succeed([host])
        patience = self._patience()
        asked = [lookup(name.rstrip(".").lower(), patience) for lookup in self._resolver._addresses]
        return gatherResults(asked).addCallback(
            lambda families: by_address(address for found in families for address in found)
        )

    def _hop(self, transport: str, address: str, port: int) -> Hop:
        """A hop; over TLS with the name that the certificate must prove (RFC 5922 7.1)."""
        return Hop(transport, address, port, self._domain if transport in ("TLS", "WSS") else "")


def _target(uri: SipUri) -> str:
    """RFC 3263 4: the maddr parameter if there is one, else the host."""
    maddr = uri.params.get("maddr")
    return (maddr or uri.host).strip("[]")


async def _given(hops: list[Hop]) -> list[Hop]:
    return hops
