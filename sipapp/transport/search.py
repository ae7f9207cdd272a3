"""One run through the steps of RFC 3263."""

from __future__ import annotations

__all__ = ["Lookups", "Search", "chosen_transport", "target"]

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IReactorTime

from sipapp.message.uri import SipUri
from sipapp.transport.binding import numeric
from sipapp.transport.dns import Naptr, Srv
from sipapp.transport.hop import Hop, default_port
from sipapp.transport.lookup import PATIENCE, Lookup
from sipapp.transport.preference import by_address, by_weight

BUDGET = 5.0
"""Seconds that locating one URI may take."""

MOST_TARGETS = 16
"""SRV records whose addresses are asked for."""

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


@dataclass(frozen=True, slots=True)
class Lookups:
    """The questions that can be put, one for each type of record; ``addresses`` by family."""

    naptr: Lookup[Naptr]
    srv: Lookup[Srv]
    addresses: Sequence[Lookup[str]]


def target(uri: SipUri) -> str:
    """RFC 3263 4: the maddr parameter if there is one, else the host."""
    maddr = uri.params.get("maddr")
    return (maddr or uri.host).strip("[]")


def chosen_transport(uri: SipUri, supported: Sequence[str]) -> str | None:
    """The transport where no record names one: as the URI asks, else UDP, or TLS for sips.

    RFC: 3263 4.1, 7118 5. None if we lack it, or if it would carry a sips URI in clear.
    """
    secure = uri.scheme == "sips"
    asked = uri.params.get("transport")
    if asked is not None:
        chosen = (_SECURE if secure else _CLEAR).get(asked.lower())
        return chosen if chosen in supported else None
    fit = ("TLS",) if secure else ("UDP", "TCP", "TLS")
    return next((transport for transport in fit if transport in supported), None)


class Search:
    """Locates one URI.

    Args:
        lookups: ask DNS.
        clock: for ``BUDGET``.
        uri: its target is a name.
        supported: transports that may be used.
        uniform: for SRV weights; None for a fixed order.
    """

    def __init__(
        self,
        lookups: Lookups,
        clock: IReactorTime,
        uri: SipUri,
        supported: Sequence[str],
        uniform: Callable[[], float] | None,
    ) -> None:
        self._lookups = lookups
        self._clock = clock
        self._uri = uri
        self._domain = target(uri).rstrip(".").lower()
        self._supported = supported
        self._transport = chosen_transport(uri, supported)
        self._uniform = uniform
        self._deadline = clock.seconds() + BUDGET

    async def hops(self) -> list[Hop]:
        """The places to try, best first, perhaps none (4.1 and 4.2)."""
        uri, transport = self._uri, self._transport
        if uri.port is not None:
            return [] if transport is None else await self._by_host(transport, uri.port)
        if uri.params.get("transport") is not None:
            if transport is None:
                return []
            return await self._by_services([(transport, _SERVICE_NAMES[transport] + self._domain)])
        named = await self._lookups.naptr(self._domain, self._patience())
        for services in self._by_preference(named):
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
        return min(PATIENCE, self._deadline - self._clock.seconds())

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
        if hops is not None or self._transport is None:
            return hops or []
        return await self._by_host(self._transport, default_port(self._transport))

    async def _by_srv(self, services: list[tuple[str, str]]) -> list[Hop] | None:
        """The hops behind some SRV names, in the order of the names; None if none exists."""
        patience = self._patience()
        asked = [self._lookups.srv(name.rstrip(".").lower(), patience) for _, name in services]
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
        asked = [lookup(name.rstrip(".").lower(), patience) for lookup in self._lookups.addresses]
        return gatherResults(asked).addCallback(
            lambda families: by_address(address for found in families for address in found)
        )

    def _hop(self, transport: str, address: str, port: int) -> Hop:
        """A hop; over TLS with the name that the certificate must prove (RFC 5922 7.1)."""
        return Hop(transport, address, port, self._domain if transport in ("TLS", "WSS") else "")
