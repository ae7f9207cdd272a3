"""SIP over datagrams: one socket, and a flow for every remote that it talks with.

What is sent while the datagrams of a turn are gone through leaves together at its end. To send
wakes the peer's process, or the card, and that costs more than the sending; a peer that is awake
need not be woken. It saves a tenth of the cost of a call, and delays an answer by the work of a
turn, which is bounded.
"""

from __future__ import annotations

__all__ = ["DatagramBinding", "DatagramFlow"]

from collections.abc import Callable

from sipapp.errors import SendFailed
from sipapp.transport.binding import Binding
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Address, Listener
from sipapp.transport.later import Later
from sipapp.transport.limits import Counters, Limits
from sipapp.transport.network import Datagrams, Network


class DatagramFlow(Flow):
    """One remote address, seen from one socket of ours. Never closes.

    Attributes:
        binding: the socket; answers must leave by the one that the request came in on (RFC 3581 4).
    """

    __slots__ = ("_output", "binding")

    def __init__(
        self, binding: DatagramBinding, remote: Address, sent_by: str, later: Later
    ) -> None:
        super().__init__("UDP", binding.address, remote, sent_by, later)
        self.binding = binding
        self._output = binding.output

    def send(self, data: bytes) -> None:
        """Send one datagram, at the end of a turn that is under way."""
        outbox = self.binding.outbox
        if outbox is None:
            self.transmit(data)
        else:
            outbox.append((self, data))

    def transmit(self, data: bytes) -> None:
        """Give one datagram to the system.

        A full system queue loses it like the network would; the transaction sends it again. Other
        refusals (no route, too large) are final and told to the watchers.
        """
        try:
            self._output(data, self.remote)
        except (BlockingIOError, ConnectionRefusedError):
            self.binding.counters.unsent += 1
        except OSError as error:
            self.binding.counters.unsent += 1
            self.fail(SendFailed(f"{self.remote[0]}: {error.strerror or error}"))


class DatagramBinding(Binding):
    """A bound datagram socket and its flows.

    Flows are found again as long as they are among the last remotes heard of: two generations of
    at most ``limits.datagram_flows``, the older one thrown away when the newer is full. That costs
    nothing per packet, and a flood from forged sources cannot take more than that.

    Attributes:
        outbox: what waits for the end of the turn; None between turns.
        output: the socket's own send; raises OSError.
        counters: shared with the layer.
    """

    __slots__ = (
        "_arrived", "_failed", "_later", "_most", "_older", "_open", "_port", "_recent",
        "counters", "outbox", "output",
    )  # fmt: skip

    def __init__(
        self,
        listener: Listener,
        network: Network,
        arrived: Callable[[bytes, Flow], object],
        failed: Callable[[Exception], None],
        later: Later,
        limits: Limits,
        counters: Counters,
    ) -> None:
        self._arrived = arrived
        self._failed = failed
        self._later = later
        self._most = limits.datagram_flows
        self._recent: dict[Address, DatagramFlow] = {}
        self._older: dict[Address, DatagramFlow] = {}
        self.outbox: list[tuple[DatagramFlow, bytes]] | None = None
        self.counters = counters
        self._open = True
        self._port = network.open_datagrams((listener.host, listener.port), self.received)
        self.output = self._port.send
        super().__init__(listener, self._port.address, network.source_for)

    def received(self, datagrams: Datagrams) -> None:
        """Take the datagrams of a turn from the socket, then send what they have led to."""
        outbox: list[tuple[DatagramFlow, bytes]] = []
        self.outbox = outbox
        for data, source in datagrams:
            if not self._open:
                break
            try:
                self._arrived(data, self._recent.get(source) or self.flow_to(source))
            except Exception as error:  # one bad message must not cost the listener
                self._failed(error)
        self.outbox = None
        for flow, data in outbox:
            try:
                flow.transmit(data)
            except Exception as error:  # nor one bad answer the others
                self._failed(error)

    def flow_to(self, remote: Address) -> DatagramFlow:
        """Find or make the flow to a numeric address."""
        flow = self._recent.get(remote)
        if flow is None:
            flow = self._older.get(remote)
            if flow is None:
                flow = DatagramFlow(self, remote, self.sent_by(remote[0]), self._later)
            if len(self._recent) >= self._most:
                self._older, self._recent = self._recent, {}
            self._recent[remote] = flow
        return flow

    def close(self) -> None:
        """Stop receiving; flows that are still held can send no more."""
        self._open = False
        self._port.close()
