"""TCP without a network: two transports back to back, with the order, waits and ends of TCP."""

from __future__ import annotations

__all__ = ["Carry", "VirtualStream"]

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from sipapp.transport.hop import Address

FULL = 64 * 1024
"""Octets on the way or unread over which a producer is told to pause, as Twisted's sockets do."""


class Carry(Protocol):
    """The wire under a connection."""

    def carry(
        self,
        source: Address,
        destination: Address,
        data: bytes,
        note: str,
        call: Callable[[], None],
    ) -> None:
        """Run ``call`` when ``data`` has arrived, in the order of sending; never, if it is lost."""

    def soon(self, call: Callable[[], None]) -> None:
        """Run ``call`` in the next turn."""


def ip_address(address: Address) -> IPv4Address | IPv6Address:
    """The form in which Twisted speaks of an address."""
    form = IPv6Address if ":" in address[0] else IPv4Address
    return form("TCP", *address)


@implementer(ITCPTransport, IPushProducer)
class VirtualStream:
    """One end of a connection.

    What is written arrives in order after the delay of the wire, one ``dataReceived`` a write. An
    end that has paused reading gets nothing, and what it does not read piles up at the other end.

    Args:
        wire: carries octets.
        host, peer: the addresses of this end and of the other one.
        protocol: what sits on this end.
        over: told once that this end is gone, with the reason.
    """

    disconnecting = False

    def __init__(
        self, wire: Carry, host: Address, peer: Address, over: Callable[[Failure], None]
    ) -> None:
        self.protocol: IProtocol | None = None
        self.other: VirtualStream
        self.host = host
        self.peer = peer
        self._wire = wire
        self._over = over
        self._producer: Any = None
        self._told_to_pause = False
        self._unread: deque[bytes] = deque()
        self._behind = 0  # octets written here and not yet read there
        self._reading = True
        self._fin_sent = self._fin_read = self._fin_waits = self.gone = False

    def begin(self, protocol: IProtocol) -> None:
        """Put a protocol on this end."""
        self.protocol = protocol
        protocol.makeConnection(self)
        self._read()

    def write(self, data: bytes) -> None:
        """Send octets."""
        if self.gone or self._fin_sent or not data:
            return
        self._behind += len(data)
        self._wire.carry(self.host, self.peer, data, "", lambda: self.other._arrived(data))
        if self._producer is not None and self._behind > FULL and not self._told_to_pause:
            self._told_to_pause = True
            self._producer.pauseProducing()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send octets."""
        self.write(b"".join(iovec))

    def loseWriteConnection(self) -> None:
        """Send FIN behind everything written."""
        if self.gone or self._fin_sent:
            return
        self._fin_sent = True
        self._wire.carry(self.host, self.peer, b"", "FIN", lambda: self.other._arrived(b""))
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self._wire.soon(self.protocol.writeConnectionLost)

    def loseConnection(self) -> None:
        """Close when everything written has been read."""
        self.disconnecting = True
        if not self.gone:
            if not self._fin_sent:
                self._fin_sent = True
                self._wire.carry(self.host, self.peer, b"", "FIN", lambda: self.other._arrived(b""))
            self._close_if_done()

    def abortConnection(self) -> None:
        """Cut the connection; the other end sees a reset."""
        if not self.gone:
            self._wire.carry(self.host, self.peer, b"", "RST", self.other._reset)
            self._wire.soon(lambda: self.end(ConnectionAborted()))

    def end(self, reason: Exception) -> None:
        """This end is over, now."""
        if not self.gone:
            self.gone = True
            self._unread.clear()
            failure = Failure(reason)  # type: ignore[no-untyped-call]
            if self._producer is not None:
                self._producer.stopProducing()
            if self.protocol is not None:
                self.protocol.connectionLost(failure)
            self._over(failure)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Have a push producer told to pause and resume."""
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self._producer = None
        self._told_to_pause = False

    def pauseProducing(self) -> None:
        """Stop reading."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Read again."""
        self._reading = True
        self._wire.soon(self._read)

    def stopProducing(self) -> None:
        """Close."""
        self.loseConnection()

    def getHost(self) -> IPv4Address | IPv6Address:
        """Our address."""
        return ip_address(self.host)

    def getPeer(self) -> IPv4Address | IPv6Address:
        """The address of the other end."""
        return ip_address(self.peer)

    def getTcpNoDelay(self) -> bool:
        """There is no delay to speak of."""
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Accepted."""

    def getTcpKeepAlive(self) -> bool:
        """Nothing dies unseen here."""
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Accepted."""

    def _arrived(self, data: bytes) -> None:
        if self.gone:  # a closed socket answers with a reset
            self._wire.carry(self.host, self.peer, b"", "RST", self.other._reset)
            return
        self._unread.append(data)
        self._read()

    def _read(self) -> None:
        while self._unread and self._reading and self.protocol is not None and not self.gone:
            data = self._unread.popleft()
            if not data:
                self._read_fin()
                return
            self.other._was_read(len(data))
            self.protocol.dataReceived(data)

    def _read_fin(self) -> None:
        self._fin_read = True
        if self.disconnecting:
            self._close_if_done()
        elif IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:  # a protocol that knows no half-closed connection closes its own half too
            self.loseWriteConnection()
            self.end(ConnectionDone())

    def _was_read(self, size: int) -> None:
        self._behind -= size
        if not self._behind:
            if self._told_to_pause:
                self._told_to_pause = False
                self._producer.resumeProducing()
            self._close_if_done()

    def _close_if_done(self) -> None:
        if self.disconnecting and not self._behind:
            self._wire.soon(lambda: self.end(ConnectionDone()))

    def _reset(self) -> None:
        self.end(ConnectionLost())
