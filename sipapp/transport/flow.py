"""What the layers above hold in their hands: one way to one peer."""

from __future__ import annotations

__all__ = ["DeadFlow", "Flow"]

from collections.abc import Callable

from sipapp.errors import ConnectFailed, TransportError
from sipapp.transport.hop import Address
from sipapp.transport.later import Later

Lost = Callable[[TransportError], None]


class Flow:
    """A bidirectional way to one peer: a connection, or a datagram socket and a remote address.

    A value for its users: compare by identity, keep as long as wanted. A datagram flow never
    closes; after very many other peers the layer may make a second flow for the same remote,
    and the first still sends.

    RFC: 5626 1 and 3.1 (what a flow is), 3261 18.4 (failures are told to the user).

    Attributes:
        transport: "UDP" "TCP" "TLS" "WS" "WSS", as Via spells it.
        reliable: the transport does not lose what it took; transactions need no resending.
        secure: the octets travel encrypted.
        local: our address. The host is a wildcard if the socket is bound to one.
        remote: the address of the peer, as seen in its packets.
        sent_by: ``host[:port]`` that our Via and Record-Route say on this flow.
        closed: nothing can be sent any more; ``send`` only reports the failure again.
    """

    __slots__ = (
        "_later", "_lost", "closed", "local", "reliable", "remote", "secure", "sent_by",
        "transport",
    )  # fmt: skip

    def __init__(
        self, transport: str, local: Address, remote: Address, sent_by: str, later: Later
    ) -> None:
        self.transport = transport
        self.reliable = transport != "UDP"
        self.secure = transport in ("TLS", "WSS")
        self.local = local
        self.remote = remote
        self.sent_by = sent_by
        self.closed = False
        self._later = later
        # Insertion ordered set. A proxy may have ten thousand transactions on the one flow to
        # its next hop, so taking one out must not search a list.
        self._lost: dict[Lost, None] = {}

    def send(self, data: bytes) -> None:
        """Give one whole message to the transport.

        Never raises and never blocks. A failure is told to the watchers in a later turn.
        """
        raise NotImplementedError

    def watch(self, lost: Lost) -> None:
        """Have ``lost`` called, in a later turn, when the flow breaks or a send fails.

        Watching twice counts once. A stream tells it once and forgets its watchers; a datagram
        flow tells it for each failed send.
        """
        self._lost[lost] = None

    def unwatch(self, lost: Lost) -> None:
        """Undo ``watch``; harmless if it was not watching."""
        self._lost.pop(lost, None)

    def fail(self, error: TransportError) -> None:
        """For the transport: tell whoever watches by then about ``error``, in a later turn."""
        self._later(lambda: self._tell(error))

    def _tell(self, error: TransportError) -> None:
        for lost in list(self._lost):
            if lost in self._lost:  # an earlier watcher may have taken it out
                lost(error)

    def __repr__(self) -> str:
        state = " closed" if self.closed else ""
        return f"<{type(self).__name__} {self.transport} {self.local} {self.remote}{state}>"


class DeadFlow(Flow):
    """A flow that never was: there is no way to the remote, or it must not be taken.

    Lets ``flow_to`` and ``reply_flow`` answer at once; whoever sends learns of the failure in a
    later turn, like on any flow.
    """

    __slots__ = ("_reason",)

    def __init__(self, transport: str, remote: Address, later: Later, reason: str) -> None:
        super().__init__(transport, ("", 0), remote, "invalid.invalid", later)
        self.closed = True
        self._reason = reason

    def send(self, data: bytes) -> None:
        """Report ``ConnectFailed`` to the watchers."""
        self.fail(ConnectFailed(self._reason))
