"""One address that we are bound to, whatever the transport: who we say we are there."""

from __future__ import annotations

__all__ = ["Binding", "family", "numeric", "unicast"]

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from sipapp.transport.hop import Address, Listener, host_port

_WILDCARDS = ("0.0.0.0", "::")
_REMEMBERED = 1024


@lru_cache(maxsize=4096)
def numeric(host: str) -> str | None:
    """The one spelling of a numeric address, or None if it is none.

    An IPv4 address mapped into IPv6 is that IPv4 address: our IPv6 sockets carry IPv6 only.

    RFC: 5118 4.9 and 4.10, 5954.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


@lru_cache(maxsize=4096)
def unicast(host: str) -> bool:
    """Whether one host can be meant: a name or multicast, broadcast and 0.0.0.0 cannot.

    Broadcast to a subnet is not recognised here; our sockets may not send it (SO_BROADCAST).

    RFC: 4475 3.3.10.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return False
    reserved = isinstance(address, IPv4Address) and int(address) >= 0xF0000000  # class E, broadcast
    return not (address.is_multicast or address.is_unspecified or reserved)


def family(host: str) -> int:
    """4 or 6, for a numeric address."""
    return 6 if ":" in host else 4


class Binding:
    """A listener that is open.

    Attributes:
        listener: as opened, with the port that the system chose if 0 was asked for.
        address: what the socket is bound to.
        family: 4 or 6.
        wildcard: bound to all interfaces.
    """

    __slots__ = ("_own", "_sent_by", "_source_for", "address", "family", "listener", "wildcard")

    def __init__(
        self, listener: Listener, address: Address, source_for: Callable[[str], str]
    ) -> None:
        host, port = address
        said = listener.advertised
        advertised = None if said is None else (said[0].lower(), said[1])
        self.listener = Listener(listener.transport, host, port, advertised)
        self.address = address
        self.family = family(host)
        self.wildcard = host in _WILDCARDS
        self._source_for = source_for
        self._own: dict[str, bool] = {}
        unsaid = advertised is None and self.wildcard
        self._sent_by = "" if unsaid else host_port(*(advertised or address))

    def sent_by(self, remote: str) -> str:
        """The ``host:port`` to write into Via for a peer; RFC 3261 18.1.1.

        One socket for all interfaces has no address of its own: what it says then is the address
        that its packets to this peer will carry.
        """
        if self._sent_by:
            return self._sent_by
        return host_port(self._source_for(remote) or "localhost", self.address[1])

    def names(self, host: str, port: int) -> bool:
        """Whether ``host`` and ``port`` mean us: as bound or as advertised."""
        if (host, port) in (self.address, self.listener.advertised):
            return True
        return port == self.address[1] and self.wildcard and self._is_own(host)

    def _is_own(self, host: str) -> bool:
        """Whether a packet to ``host`` would come straight back; routing is asked once."""
        own = self._own.get(host)
        if own is None:
            if len(self._own) >= _REMEMBERED:
                self._own.clear()
            own = self._own[host] = self._ask_if_own(host)
        return own

    def _ask_if_own(self, host: str) -> bool:
        address = numeric(host)
        if address is None or family(address) != self.family:
            return False
        return ip_address(address).is_loopback or self._source_for(address) == address
