"""A network in virtual time: hosts, datagrams and connections in one process.

Everything happens in delayed calls of the clock: advance it, and packets travel. The wire can
lose, delay, reorder and duplicate datagrams; connections can be refused, reset, or lead to a host
that is off. What was sent when is in the ladder.

```python
clock = Clock()
network = VirtualNetwork(clock)
network.loss = 0.1
server = network.host("192.0.2.10")        # a sipapp.transport.network.Network
phone = network.host("198.51.100.1", "2001:db8::1")
```
"""

from __future__ import annotations

__all__ = ["VirtualHost", "VirtualNetwork"]

import errno
from collections.abc import Callable
from random import Random

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import (
    ConnectionRefusedError,
    TimeoutError,
    UserError,
)
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ClientFactory, Factory
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sipapp.app.testing.connection import VirtualStream, ip_address
from sipapp.app.testing.ladder import Ladder, Packet
from sipapp.transport.hop import Address
from sipapp.transport.network import Datagrams

CONNECT_TIMEOUT = 10.0
_FIRST_EPHEMERAL = 49_152
_WILDCARDS = ("0.0.0.0", "::")


class VirtualNetwork:
    """The wire between virtual hosts.

    Args:
        clock: everything happens in its delayed calls.
        rng: decides the fate of datagrams; the same seed makes the same history.

    Attributes:
        loss, duplicate, reorder: chances, from 0 to 1, of a datagram. One that is reordered takes
            up to three delays, and at least 20 ms, longer than the others.
        delay: seconds one way, for all.
        ladder: every packet sent.
    """

    def __init__(self, clock: Clock, rng: Random | None = None) -> None:
        self.clock = clock
        self.loss = 0.0
        self.duplicate = 0.0
        self.reorder = 0.0
        self.delay = 0.0
        self.ladder = Ladder()
        self._rng = rng or Random(0)
        self._hosts: dict[str, VirtualHost] = {}
        self._refused: set[Address] = set()
        self._off: set[str] = set()
        self._arrivals: dict[tuple[Address, Address], float] = {}
        self._streams: list[VirtualStream] = []

    def host(self, *addresses: str) -> VirtualHost:
        """Give the host with these addresses, IPv4 or IPv6; a new one at the first call."""
        host = self._hosts.get(addresses[0])
        if host is None:
            host = VirtualHost(self, addresses)
            self._hosts.update((address, host) for address in addresses)
        return host

    def refuse(self, address: Address, *, refused: bool = True) -> None:
        """Have connections to ``address`` refused, although somebody listens; or not any more."""
        (self._refused.add if refused else self._refused.discard)(address)

    def switch_off(self, address: str, *, off: bool = True) -> None:
        """Make a black hole of a host: what it sends and what it should get is lost; or undo it."""
        (self._off.add if off else self._off.discard)(address)

    def reset(self, address: str) -> None:
        """Cut every connection of a host, as if it had crashed and come back."""
        for stream in [s for s in self._streams if s.host[0] == address]:
            stream.abortConnection()

    def settle(self) -> None:
        """Do everything that is due now."""
        self.clock.advance(0)

    def datagram(self, source: Address, destination: Address, data: bytes) -> None:
        """Send one datagram."""
        lost = self._is_off(source, destination) or self._rng.random() < self.loss
        self._record("UDP", source, destination, data, "lost" if lost else "")
        if lost:
            return
        for _ in range(2 if self._rng.random() < self.duplicate else 1):
            delay = self.delay
            if self._rng.random() < self.reorder:
                delay += self._rng.uniform(0.02, max(0.02, 3 * self.delay))
            self.clock.callLater(delay, self._deliver, source, destination, data)

    def carry(
        self,
        source: Address,
        destination: Address,
        data: bytes,
        note: str,
        call: Callable[[], None],
    ) -> None:
        """Send octets or a signal of a connection; what is sent later never arrives earlier."""
        off = self._is_off(source, destination)
        self._record("TCP", source, destination, data, "lost" if off else note)
        if off:
            return
        way = (source, destination)
        arrival = max(self.clock.seconds() + self.delay, self._arrivals.get(way, 0.0))
        self._arrivals[way] = arrival
        self.clock.callLater(arrival - self.clock.seconds(), call)

    def soon(self, call: Callable[[], None]) -> None:
        """Run ``call`` in the next turn."""
        self.clock.callLater(0, call)

    def connect(self, attempt: VirtualAttempt) -> None:
        """Bring a connection attempt to its end, good or bad."""
        source, destination = attempt.source, attempt.destination
        if self._is_off(source, destination):
            self._record("TCP", source, destination, b"", "lost")
            attempt.wait(CONNECT_TIMEOUT, lambda: attempt.fail(TimeoutError))
            return
        self._record("TCP", source, destination, b"", "SYN")
        host = self._hosts.get(destination[0])
        port = None if host is None else host.streams.get(destination)
        if port is None or destination in self._refused:
            attempt.wait(2 * self.delay, lambda: attempt.fail(ConnectionRefusedError))
        else:
            attempt.wait(2 * self.delay, lambda: self._join(attempt, port))

    def _join(self, attempt: VirtualAttempt, port: VirtualStreamPort) -> None:
        client = VirtualStream(self, attempt.source, attempt.destination, attempt.over)
        server = VirtualStream(self, attempt.destination, attempt.source, lambda _: None)
        client.other, server.other = server, client
        self._streams = [stream for stream in self._streams if not stream.gone]
        self._streams += (client, server)
        attempt.stream = client
        accepted = port.factory.buildProtocol(server.getPeer())
        if accepted is None:
            server.abortConnection()
        else:
            server.begin(accepted)
        wanted = attempt.factory.buildProtocol(client.getPeer())
        if wanted is None:
            client.abortConnection()
        else:
            client.begin(wanted)

    def _deliver(self, source: Address, destination: Address, data: bytes) -> None:
        host = self._hosts.get(destination[0])
        port = None if host is None else host.datagrams.get(destination)
        if port is not None and destination[0] not in self._off:
            port.received([(data, source)])

    def _is_off(self, source: Address, destination: Address) -> bool:
        return source[0] in self._off or destination[0] in self._off

    def _record(
        self, transport: str, source: Address, destination: Address, data: bytes, note: str
    ) -> None:
        now = self.clock.seconds()
        self.ladder.append(Packet(now, transport, source, destination, data, note))


class VirtualHost:
    """The ``sipapp.transport.network.Network`` of one host.

    Attributes:
        addresses: its own, the first of a family being the one that packets leave with.
    """

    def __init__(self, network: VirtualNetwork, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses
        self.datagrams: dict[Address, VirtualDatagramPort] = {}
        self.streams: dict[Address, VirtualStreamPort] = {}
        self._network = network
        self._next_port = _FIRST_EPHEMERAL

    def open_datagrams(
        self, address: Address, received: Callable[[Datagrams], None]
    ) -> VirtualDatagramPort:
        """Bind. Raises OSError."""
        port = self._port(address, self.datagrams)
        opened = VirtualDatagramPort(self._network, self, (address[0], port), received)
        self.datagrams.update(((own, port), opened) for own in self._bound_to(address[0]))
        return opened

    def open_streams(self, address: Address, factory: Factory) -> VirtualStreamPort:
        """Bind and listen. Raises OSError."""
        port = self._port(address, self.streams)
        opened = VirtualStreamPort(self, (address[0], port), factory)
        self.streams.update(((own, port), opened) for own in self._bound_to(address[0]))
        return opened

    def connect_stream(
        self, address: Address, factory: ClientFactory, bind: Address | None
    ) -> VirtualAttempt:
        """Connect; what became of it is told in a later turn."""
        host, port = bind or (self.source_for(address[0]), 0)
        attempt = VirtualAttempt(self._network, (host, port or self._ephemeral()), address, factory)
        self._network.connect(attempt)
        return attempt

    def source_for(self, remote: str) -> str:
        """Our address towards a remote one."""
        if remote in self.addresses:
            return remote
        same = (own for own in self.addresses if (":" in own) == (":" in remote))
        return next(same, "")

    def _bound_to(self, host: str) -> list[str]:
        if host in _WILDCARDS:
            return [own for own in self.addresses if (":" in own) == (":" in host)]
        if host not in self.addresses:
            raise OSError(errno.EADDRNOTAVAIL, "not an address of this host")
        return [host]

    def _port(self, address: Address, taken: object) -> int:
        host, port = address
        assert isinstance(taken, dict)
        if any((own, port) in taken for own in self._bound_to(host)):
            raise OSError(errno.EADDRINUSE, "the port is taken")
        return port or self._ephemeral()

    def _ephemeral(self) -> int:
        self._next_port += 1
        return self._next_port - 1


class VirtualDatagramPort:
    """A bound datagram socket."""

    def __init__(
        self,
        network: VirtualNetwork,
        host: VirtualHost,
        address: Address,
        received: Callable[[Datagrams], None],
    ) -> None:
        self.address = address
        self.received = received
        self._network = network
        self._host = host

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram. Raises OSError like a socket does."""
        own = self.address[0]
        source = self._host.source_for(address[0]) if own in _WILDCARDS else own
        if not source or (":" in source) != (":" in address[0]):
            raise OSError(errno.ENETUNREACH, "network is unreachable")
        if len(data) > 65_507:
            raise OSError(errno.EMSGSIZE, "message too long")
        self._network.datagram((source, self.address[1]), address, data)

    def close(self) -> None:
        """Free the port."""
        ports = self._host.datagrams
        for key in [key for key, port in ports.items() if port is self]:
            del ports[key]


class VirtualStreamPort:
    """A listening socket."""

    def __init__(self, host: VirtualHost, address: Address, factory: Factory) -> None:
        self.address = address
        self.factory = factory
        self._host = host

    def close(self) -> Deferred[None]:
        """Free the port; accepted connections live on."""
        ports = self._host.streams
        for key in [key for key, port in ports.items() if port is self]:
            del ports[key]
        return succeed(None)


class VirtualAttempt:
    """A connection under way; plays ``IConnector`` to the factory."""

    def __init__(
        self, network: VirtualNetwork, source: Address, destination: Address, factory: ClientFactory
    ) -> None:
        self.source = source
        self.destination = destination
        self.factory = factory
        self.stream: VirtualStream | None = None
        self._network = network
        self._waiting: IDelayedCall | None = None
        factory.startedConnecting(self)  # type: ignore[arg-type]

    def getDestination(self) -> object:
        """Where it goes."""
        return ip_address(self.destination)

    def wait(self, seconds: float, call: Callable[[], None]) -> None:
        """Go on with ``call`` unless given up before."""

        def go_on() -> None:
            self._waiting = None
            call()

        self._waiting = self._network.clock.callLater(seconds, go_on)

    def fail(self, reason: type[Exception]) -> None:
        """No connection came about."""
        failure = Failure(reason())  # type: ignore[no-untyped-call]
        self.factory.clientConnectionFailed(self, failure)  # type: ignore[arg-type]

    def over(self, reason: Failure) -> None:
        """The connection is over."""
        self.factory.clientConnectionLost(self, reason)  # type: ignore[arg-type]

    def disconnect(self) -> None:
        """Give up, or close."""
        if self.stream is not None:
            self.stream.loseConnection()
        elif self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
            self.fail(UserError)
