"""SIP over one connection: framing and deadlines inward, a bounded queue outward.

Who closes, and when:

- a message that is not whole 15 s after its first octet, a connection that carried no whole
  message for 60 s, or nothing at all for 900 s: closed (``Limits`` has the figures);
- framing lost, or octets that nobody can be answered for: answered if possible, then closed;
- the peer sent FIN. A connection that we opened is closed. One that we accepted stays open for
  sending while answers go out, until 5 s after the last one and for 32 s at most: a client may
  half-close behind its request. A later answer opens a connection (RFC 3261 18.2.2);
- more than 256 KiB wait for a peer that does not read: cut.

To close is to say it (FIN), to ignore what still comes, and to cut the connection 2 s later if the
peer does not close either: a plain close with unread octets in the socket would be a reset, which
takes our last words with it.
"""

from __future__ import annotations

__all__ = ["StreamFlow", "StreamProtocol"]

from collections import deque
from collections.abc import Callable
from typing import Protocol as Interface

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from sipapp.errors import SendFailed, TransportError
from sipapp.message.stream import Broken, Event, Frame, Ping, StreamParser
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Address, Hop
from sipapp.transport.later import Later
from sipapp.transport.limits import Counters, Limits

NEVER = float("inf")


class Stream(Interface):
    """What is done with a Twisted transport. ``twisted.internet.tcp`` has it, and TLS on top."""

    def write(self, data: bytes) -> None:
        """Queue octets."""

    def loseConnection(self) -> None:
        """Close once everything is written."""

    def loseWriteConnection(self) -> None:
        """Send FIN once everything is written."""

    def abortConnection(self) -> None:
        """Cut the connection now."""

    def pauseProducing(self) -> None:
        """Stop reading."""

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Have ``producer`` told when the queue is long and when it is gone."""

    def unregisterProducer(self) -> None:
        """Undo ``registerProducer``."""


@implementer(IPushProducer)
class StreamFlow(Flow):
    """One connection, perhaps not up yet: what is sent before waits.

    Twisted's transport would queue without limit. It says when more than 64 KiB wait, and from
    then on messages are kept here, until ``limits.queue`` is full or the peer reads again.

    Attributes:
        name: the domain that the peer's certificate proves, "" on clear transports.
        sent: messages given to ``send`` so far.
    """

    __slots__ = (
        "_blocked", "_counters", "_most", "_queue", "_queued", "_told", "_wire", "name", "sent",
    )  # fmt: skip

    def __init__(
        self,
        hop: Hop,
        local: Address,
        sent_by: str,
        later: Later,
        limits: Limits,
        counters: Counters,
    ) -> None:
        super().__init__(hop.transport, local, (hop.host, hop.port), sent_by, later)
        self.name = hop.name
        self._wire: Stream | None = None
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._most = limits.queue
        self._blocked = True
        self._told = False
        self._counters = counters
        self.sent = 0

    def send(self, data: bytes) -> None:
        """Write, or queue while connecting or while the peer does not read."""
        self.sent += 1
        if self.closed:
            self.fail(SendFailed("the connection is closed"))
        elif not self._blocked:
            self._wire.write(data)  # type: ignore[union-attr]
        else:
            self._queue.append(data)
            self._queued += len(data)
            if self._queued > self._most:
                self._counters.overflowed += 1
                self.cut(SendFailed("the peer does not read"))

    def connected(self, wire: Stream) -> None:
        """Take the transport, and send what has waited for it."""
        self._wire = wire
        wire.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self) -> None:
        """Hear from the transport that its queue is long."""
        self._blocked = True

    def resumeProducing(self) -> None:
        """Hear from the transport that its queue is gone."""
        self._blocked = False
        while self._queue and not self._blocked:
            data = self._queue.popleft()
            self._queued -= len(data)
            self._wire.write(data)  # type: ignore[union-attr]

    def stopProducing(self) -> None:
        """Hear from the transport that it is over; ``lost`` comes with the reason."""
        self._blocked = True

    def finish(self) -> Stream | None:
        """Take no more to send; give what waits to the transport and the transport back."""
        self.closed = True
        wire = self._wire
        if wire is not None:
            wire.unregisterProducer()
            for data in self._queue:
                wire.write(data)
        self._queue.clear()
        return wire

    def cut(self, error: TransportError) -> None:
        """Drop the connection and everything that waits."""
        wire = self._wire
        self.lost(error)
        if wire is not None:
            wire.unregisterProducer()
            wire.abortConnection()

    def lost(self, error: TransportError) -> None:
        """The connection is over, or never came about: tell the watchers, once."""
        self.closed = True
        self._blocked = True
        self._queue.clear()
        self._wire = None
        if not self._told:
            self._told = True
            self.fail(error)


class Owner(Interface):
    """What a connection needs of whoever keeps all of them."""

    limits: Limits
    counters: Counters
    now: float

    def opened(self, connection: StreamProtocol) -> None:
        """A connection is up."""

    def served(self, connection: StreamProtocol) -> None:
        """Its first whole message has come."""

    def leaving(self, connection: StreamProtocol) -> None:
        """It takes no new requests of ours any more."""

    def gone(self, connection: StreamProtocol) -> None:
        """It is over."""


class Inward(Interface):
    """Where messages go: ``Inbound``."""

    def message(self, data: bytes, flow: Flow) -> bool:
        """Take one message; False if nobody could be answered."""

    def broken(self, broken: Broken, flow: Flow) -> None:
        """Answer what lost its framing."""


@implementer(IHalfCloseableProtocol)
class StreamProtocol(Protocol):
    """The inward half of one connection.

    Attributes:
        flow: its outward half, which the layers above hold.
        source: the peer's host for a connection that we accepted, None for one that we opened.
        served: a whole message has come; until then the connection is the first to go when room
            is needed.
        deadline: when ``expire`` is to be called, by the owner's clock. It is only ever looked at
            in the owner's sweep: setting it costs nothing.
    """

    def __init__(
        self,
        flow: StreamFlow,
        owner: Owner,
        inward: Inward,
        failed: Callable[[Exception], None],
        source: str | None,
    ) -> None:
        self.flow = flow
        self.source = source
        self.served = False
        self.deadline = NEVER
        self._owner = owner
        self._inward = inward
        self._failed = failed
        self._parser = StreamParser(owner.limits.stream)
        self._fresh_until = NEVER
        self._in_message = False
        self._half_closed_at: float | None = None
        self._sent_before = 0

    def connectionMade(self) -> None:
        """The connection is up."""
        wire = self.transport
        assert wire is not None
        local = wire.getHost()
        self.flow.local = (local.host, local.port)  # type: ignore[attr-defined]
        if ITCPTransport.providedBy(wire):
            wire.setTcpNoDelay(True)
            wire.setTcpKeepAlive(True)
        self._owner.opened(self)
        limits = self._owner.limits
        self.deadline = self._fresh_until = self._owner.now + limits.fresh
        self.flow.connected(wire)  # type: ignore[arg-type]

    def dataReceived(self, data: bytes) -> None:
        """Octets have come."""
        if self.flow.closed:
            return
        for event in self._parser.feed(data):
            self._take(event)
            if self.flow.closed:
                return
        self._set_deadline()

    def _take(self, event: Event) -> None:
        if isinstance(event, Frame):
            self._in_message = False
            if not self.served:
                self.served = True
                self._owner.served(self)
            try:
                if not self._inward.message(event.data, self.flow):
                    self.close(deaf=True)
            except Exception as error:  # one bad message must not cost the connection
                self._failed(error)
        elif isinstance(event, Ping):
            self.flow.send(b"\r\n")
        elif isinstance(event, Broken):
            self._inward.broken(event, self.flow)
            self.close(deaf=True)

    def _set_deadline(self) -> None:
        """Idle time begins anew with every octet; the time of a message, with its first only."""
        limits, now = self._owner.limits, self._owner.now
        if self._parser.pending:
            if not self._in_message:
                self._in_message = True
                self.deadline = now + limits.message
        elif self.served:
            self.deadline = now + limits.idle
        else:
            self.deadline = self._fresh_until

    def expire(self) -> None:
        """The deadline has passed."""
        now, limits = self._owner.now, self._owner.limits
        if self.flow.closed:
            self._owner.counters.expired += 1
            self.transport.abortConnection()  # type: ignore[union-attr]
        elif self._half_closed_at is None:
            self._owner.counters.expired += 1
            self.close()
        elif (
            self.flow.sent > self._sent_before
            and now < self._half_closed_at + limits.half_closed_most
        ):
            self._sent_before = self.flow.sent
            self.deadline = now + limits.half_closed
        else:
            self.close()

    def close(self, *, deaf: bool = False) -> None:
        """Send what waits, say that it is over, and have it cut a little later.

        Args:
            deaf: read nothing more. Whoever pours into us is held up by his own full window.
        """
        if self.flow.closed:
            return
        self._owner.leaving(self)
        self.deadline = self._owner.now + self._owner.limits.linger
        wire = self.flow.finish()
        if wire is None:
            return
        if deaf:
            wire.pauseProducing()
        if self._half_closed_at is None and ITCPTransport.providedBy(wire):
            wire.loseWriteConnection()
        else:
            wire.loseConnection()

    def readConnectionLost(self) -> None:
        """The peer has sent FIN: it will ask nothing more but may wait for answers."""
        self._half_closed_at = self._owner.now
        if self.flow.closed:
            self.transport.loseConnection()  # type: ignore[union-attr]
        elif self.source is None or not self.served or self._parser.pending:
            self.close()
        else:
            self._owner.leaving(self)
            self._sent_before = self.flow.sent
            self.deadline = self._owner.now + self._owner.limits.half_closed

    def writeConnectionLost(self) -> None:
        """Our FIN is out; what is left is the peer's turn, or the deadline's."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over, in whatever way: closed, reset, timed out."""
        self.flow.lost(SendFailed(reason.getErrorMessage() or "the connection is closed"))
        self._owner.gone(self)
