"""The transport layer: messages in, flows out.

Everything that RFC 3261 18 asks of a transport is reached from here: ``listen`` opens sockets,
``received`` hears every message that is worth it, ``flow_to`` gives the way to a next hop and
``reply_flow`` the way of an answer. ``inbound`` has the way of a message in, ``udp`` and
``streams`` have the sockets.
"""

from __future__ import annotations

__all__ = ["LARGE", "TransportLayer"]

from collections.abc import Callable

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sipapp.errors import UsageError
from sipapp.message.fields import Via
from sipapp.message.message import Request, Response
from sipapp.transport.binding import Binding, family, numeric, unicast
from sipapp.transport.flow import DeadFlow, Flow
from sipapp.transport.hop import Address, Hop, Listener, default_port
from sipapp.transport.inbound import Inbound
from sipapp.transport.later import Later
from sipapp.transport.limits import Counters, Limits
from sipapp.transport.network import Network
from sipapp.transport.streams import StreamBinding, Streams
from sipapp.transport.udp import DatagramBinding, DatagramFlow

LARGE = 1300
"""Octets of a request over which it leaves by TCP (RFC 3261 18.1.1: the path MTU is unknown)."""


_LOCALITY = 4096
"""Hosts and ports remembered as ours or not; asking the routing table costs a system call."""


class TransportLayer:
    """All sockets of a server.

    A request that is larger than ``LARGE`` takes TCP although its hop says UDP: ``flow_to`` is told
    the size and gives a TCP flow. If that cannot connect, its watchers get ``ConnectFailed``, and
    asking ``flow_to`` for the same hop again gives the UDP flow for ``limits.refusal`` seconds:
    whoever gets the error asks once more, with a new branch and the Via of the new flow.

    Args:
        network: makes the sockets.
        clock: for deadlines; should be monotonic.
        limits: caps on what peers may take.
        received: takes each message and the flow it came on. Requests have received and rport in
            their top Via (RFC 3261 18.2.1, 3581).
        failed: told of exceptions that ``received`` lets escape; by default they are logged. They
            cost neither connection nor listener.

    Attributes:
        counters: what was dropped, refused or closed.
    """

    log = Logger()

    def __init__(
        self,
        network: Network,
        clock: IReactorTime,
        limits: Limits,
        received: Callable[[Request | Response, Flow], None],
        *,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.counters = Counters()
        self._network = network
        self._limits = limits
        self._failed = failed or self._log_failure
        self._later = Later(clock)
        self._bindings: list[DatagramBinding | StreamBinding] = []
        self._sent_by: set[str] = set()
        self._locality: dict[tuple[str, int | None], bool] = {}
        self._routes: dict[Address, DatagramFlow] = {}
        self._inbound = Inbound(received, self.reply_flow, self.is_sent_by, self.counters)
        self._streams = Streams(
            network, clock, limits, self.counters, self._later, self._inbound, self._count_failure
        )

    @property
    def listeners(self) -> list[Listener]:
        """What is listened on, with the ports that the system chose."""
        return [binding.listener for binding in self._bindings]

    def listen(self, listener: Listener) -> Listener:
        """Open a socket and receive on it.

        Returns: the listener as opened, with a real port.
        Raises:
            UsageError: the transport is unknown or the host is no address.
            OSError: the address cannot be bound.
        """
        host = numeric(listener.host)
        if host is None:
            raise UsageError("a listener needs a numeric address")
        wanted = Listener(listener.transport, host, listener.port, listener.advertised)
        binding: DatagramBinding | StreamBinding
        if listener.transport == "UDP":
            binding = DatagramBinding(
                wanted,
                self._network,
                self._inbound.datagram,
                self._count_failure,
                self._later,
                self._limits,
                self.counters,
            )
        elif listener.transport == "TCP":
            binding = self._streams.bind(wanted)
        else:
            raise UsageError(f"no transport is called {listener.transport}")
        self._bindings.append(binding)
        self._routes.clear()
        self._locality.clear()
        if not binding.wildcard or listener.advertised:
            self._sent_by.add(binding.sent_by(""))
        return binding.listener

    def flow_to(self, hop: Hop, *, size: int = 0) -> Flow:
        """Give the flow that leads to a hop, at once.

        An open connection is used again, whoever opened it; a new one queues until it is up. Where
        no way leads, the flow is dead and says so to whoever sends.

        RFC: 3261 18.1.1.

        Args:
            hop: numeric, as the resolver gives it.
            size: octets of the request, 0 for one that is known to be small. Give 0 for responses:
                those leave by UDP whatever their size.
        """
        if hop.transport == "UDP":
            remote = (hop.host, hop.port)
            if size > LARGE and not self._streams.refuses(remote):
                large = Hop("TCP", *remote)
                if (flow := self._streams.find(large) or self._connect(large)) is not None:
                    return flow
            return self._routes.get(remote) or self._route(hop)
        found = self._streams.find(hop) or self._connect(hop)
        return found or self._dead(hop, "no listener of ours leads there")

    def flow_back(self, hop: Hop) -> Flow | None:
        """Give the flow by which something came from ``hop``; None if that connection is gone."""
        return self.flow_to(hop) if hop.transport == "UDP" else self._streams.find(hop)

    def reply_flow(self, message: Request | Response, flow: Flow) -> Flow:
        """Say where the answer to a request goes that came in on ``flow``.

        The same for a response that a stateless proxy passes on by its topmost Via.

        RFC: 3261 18.2.2, 3581 4. The address is always the one that the packet came from, which is
        what ``received`` would say; only ``maddr`` can name another, and is not followed to a
        name, to multicast or broadcast, or to ourselves.

        Raises:
            MessageError: the top Via is broken.
        """
        via = message.top_via
        if flow.reliable:
            if not flow.closed:
                return flow
            port = default_port(flow.transport) if via.port is None else via.port
            return self.flow_to(Hop(flow.transport, flow.remote[0], port))
        host, port = flow.remote[0], default_port("UDP") if via.port is None else via.port
        if "maddr" in str(via).lower() and (named := _numeric_maddr(via)):
            host = named
        elif via.rport:
            return flow
        if (host, port) == flow.remote:
            return flow
        if not unicast(host) or not port or self.is_local(host, port):
            return self._dead(Hop("UDP", host, port), "answers do not go there")
        if isinstance(flow, DatagramFlow) and family(host) == flow.binding.family:
            return flow.binding.flow_to((host, port))
        return self.flow_to(Hop("UDP", host, port))

    def is_local(self, host: str, port: int | None) -> bool:
        """Whether a URI or sent-by with this host and port means one of our listeners.

        Args:
            host: canonical text, an IPv6 address without brackets.
            port: None for the default port of each transport.
        """
        key = (host, port)
        known = self._locality.get(key)
        if known is None:
            if len(self._locality) >= _LOCALITY:
                self._locality.clear()
            known = self._locality[key] = any(
                binding.names(host, port or default_port(binding.listener.transport))
                for binding in self._bindings
            )
        return known

    def is_sent_by(self, sent_by: str) -> bool:
        """Whether a sent-by, in its canonical form, is one that we write into our Via."""
        if sent_by in self._sent_by:
            return True
        host, _, port = sent_by.rpartition(":")
        return port.isdigit() and self.is_local(host.strip("[]"), int(port))

    def stop(self) -> Deferred[None]:
        """Close everything; fires when nothing is left, at most 3 s later."""
        closing = [self._streams.stop()]
        for binding in self._bindings:
            if isinstance(binding, StreamBinding):
                closing.append(binding.close())
            else:
                binding.close()
        self._bindings = []
        self._routes.clear()
        return gatherResults(closing).addCallback(lambda _: self._later.stop())

    def _route(self, hop: Hop) -> Flow:
        """Choose the socket for a remote that none was chosen for yet."""
        host = numeric(hop.host)
        if host is None or not unicast(host) or not 0 < hop.port < 65536:
            return self._dead(hop, "not the address of a host")
        binding = self._binding("UDP", host)
        if not isinstance(binding, DatagramBinding):
            return self._dead(hop, "no listener of ours leads there")
        if len(self._routes) >= self._limits.datagram_flows:
            self._routes.clear()
        flow = self._routes[(hop.host, hop.port)] = binding.flow_to((host, hop.port))
        return flow

    def _connect(self, hop: Hop) -> Flow | None:
        host = numeric(hop.host)
        if host is None or not unicast(host) or not 0 < hop.port < 65536:
            return self._dead(hop, "not the address of a host")
        binding = self._binding(hop.transport, host)
        if binding is None:
            return None
        exact = Hop(hop.transport, host, hop.port, hop.name)
        return self._streams.find(exact) or self._streams.open(exact, binding)

    def _binding(self, transport: str, host: str) -> Binding | None:
        """Our listener that packets to ``host`` should seem to come from."""
        same = [
            binding
            for binding in self._bindings
            if binding.listener.transport == transport and binding.family == family(host)
        ]
        if len(same) < 2:
            return same[0] if same else None
        source = self._network.source_for(host)
        by_source = [binding for binding in same if binding.address[0] == source]
        return next(iter(by_source or [b for b in same if b.wildcard] or same))

    def _dead(self, hop: Hop, reason: str) -> DeadFlow:
        return DeadFlow(hop.transport, (hop.host, hop.port), self._later, reason)

    def _count_failure(self, error: Exception) -> None:
        self.counters.failures += 1
        self._failed(error)

    def _log_failure(self, error: Exception) -> None:
        self.log.failure("a message was dropped by a bug")


def _numeric_maddr(via: Via) -> str | None:
    return numeric((via.params.get("maddr") or "").strip("[]"))
