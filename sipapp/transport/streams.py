"""The stream side of the layer: listen, accept, connect, and use again what is open."""

from __future__ import annotations

__all__ = ["StreamBinding", "Streams"]

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IConnector, IReactorTime
from twisted.internet.protocol import ClientFactory, ServerFactory
from twisted.python.failure import Failure

from sipapp.errors import ConnectFailed
from sipapp.transport.binding import Binding, numeric
from sipapp.transport.connections import Connections
from sipapp.transport.hop import Address, Hop, Listener
from sipapp.transport.later import Later
from sipapp.transport.limits import Counters, Limits
from sipapp.transport.network import Attempt, Network
from sipapp.transport.stream_protocol import Inward, StreamFlow, StreamProtocol

_REMEMBERED = 4096


class StreamBinding(Binding):
    """A listening stream socket."""

    __slots__ = ("_port",)

    def __init__(self, listener: Listener, network: Network, streams: Streams) -> None:
        acceptor = _Acceptor(self, streams)
        self._port = network.open_streams((listener.host, listener.port), acceptor)
        super().__init__(listener, self._port.address, network.source_for)

    def close(self) -> Deferred[None]:
        """Accept nothing more."""
        return self._port.close()


class _Acceptor(ServerFactory):
    """Builds the protocol of each connection that comes in."""

    noisy = False

    def __init__(self, binding: StreamBinding, streams: Streams) -> None:
        self._binding = binding
        self._streams = streams

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol | None:
        return self._streams.accept(self._binding, (addr.host, addr.port))  # type: ignore[union-attr]


class _Opener(ClientFactory):
    """Sees one connection of ours through."""

    noisy = False

    def __init__(self, flow: StreamFlow, streams: Streams) -> None:
        self._flow = flow
        self._streams = streams

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol | None:
        return self._streams.connected(self._flow)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self._streams.refused(self._flow, reason)


class Streams:
    """All stream flows of a layer.

    Args:
        network: makes the sockets.
        inward: takes each message.
        failed: told of exceptions that escape from above.
    """

    def __init__(
        self,
        network: Network,
        clock: IReactorTime,
        limits: Limits,
        counters: Counters,
        later: Later,
        inward: Inward,
        failed: Callable[[Exception], None],
    ) -> None:
        self._network = network
        self._clock = clock
        self._limits = limits
        self._counters = counters
        self._later = later
        self._inward = inward
        self._failed = failed
        self._connections = Connections(clock, limits, counters, self._remember)
        self._attempts: dict[StreamFlow, Attempt] = {}
        self._refusals: dict[Address, float] = {}

    def bind(self, listener: Listener) -> StreamBinding:
        """Listen. Raises OSError."""
        return StreamBinding(listener, self._network, self)

    def find(self, hop: Hop) -> StreamFlow | None:
        """The open or opening connection that leads to ``hop``, whoever opened it."""
        return self._connections.find((hop.transport, (hop.host, hop.port), hop.name))

    def open(self, hop: Hop, binding: Binding) -> StreamFlow:
        """Connect to a numeric hop, from the interface of ``binding``; queue until connected."""
        bind = None if binding.wildcard else (binding.address[0], 0)
        flow = self._flow(hop, bind or binding.address, binding.sent_by(hop.host))
        self._connections.register(flow)
        opener = _Opener(flow, self)
        self._attempts[flow] = self._network.connect_stream(flow.remote, opener, bind)
        return flow

    def accept(self, binding: Binding, source: Address) -> StreamProtocol | None:
        """Build the protocol of a connection that comes in, or refuse it."""
        host = numeric(source[0]) or source[0]
        if not self._connections.admit(host):
            return None
        hop = Hop(binding.listener.transport, host, source[1])
        flow = self._flow(hop, binding.address, binding.sent_by(host))
        return StreamProtocol(flow, self._connections, self._inward, self._failed, host)

    def connected(self, flow: StreamFlow) -> StreamProtocol | None:
        """Build the protocol of a connection of ours; none if it is wanted no more."""
        self._attempts.pop(flow, None)
        if flow.closed:
            return None
        return StreamProtocol(flow, self._connections, self._inward, self._failed, None)

    def refused(self, flow: StreamFlow, reason: Failure) -> None:
        """No connection came about: tell its users, and remember the remote for a while."""
        self._attempts.pop(flow, None)
        self._connections.forget(flow)
        self._remember(flow)
        flow.lost(ConnectFailed(f"{flow.remote[0]}: {reason.getErrorMessage()}"))

    def refuses(self, remote: Address) -> bool:
        """Whether the last connection there came to nothing less than ``limits.refusal`` ago.

        Refused, timed out, or over before the peer had said anything: RFC 3261 18.1.1 speaks of a
        reset, and whoever tries again at once must not meet the same one for ever.
        """
        return self._refusals.get(remote, 0.0) > self._clock.seconds()

    def stop(self) -> Deferred[None]:
        """Give up attempts and close connections; fires when the last one is gone."""
        for attempt in list(self._attempts.values()):
            attempt.disconnect()
        return self._connections.stop()

    def _remember(self, flow: StreamFlow) -> None:
        if len(self._refusals) >= _REMEMBERED:
            del self._refusals[next(iter(self._refusals))]
        self._refusals[flow.remote] = self._clock.seconds() + self._limits.refusal

    def _flow(self, hop: Hop, local: Address, sent_by: str) -> StreamFlow:
        return StreamFlow(hop, local, sent_by, self._later, self._limits, self._counters)
