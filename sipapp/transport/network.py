"""What the transport layer needs from the world: sockets, real or virtual.

``sockets.py`` gives it on a reactor, ``sipapp.app.testing.network`` in virtual time.
"""

from __future__ import annotations

__all__ = ["Attempt", "DatagramPort", "Datagrams", "Network", "StreamPort"]

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Factory

from sipapp.transport.hop import Address

Datagrams: TypeAlias = Sequence[tuple[bytes, Address]]
"""What had come when the socket was looked at, in order, each with its source."""


class DatagramPort(Protocol):
    """A bound datagram socket.

    Attributes:
        address: what it is bound to, the port never 0.
        send: one datagram out, to a numeric address. Raises OSError; BlockingIOError means
            that the system's queue is full. An attribute and not a method, so that the real
            one can be the socket's own ``sendto`` and a flow stays one Python call deep.
    """

    @property
    def address(self) -> Address:
        """What the socket is bound to."""

    @property
    def send(self) -> Callable[[bytes, Address], object]:
        """Send one datagram to a numeric address."""

    def close(self) -> None:
        """Stop receiving and free the port, at once."""


class StreamPort(Protocol):
    """A listening stream socket; ``address`` is what it is bound to, the port never 0."""

    @property
    def address(self) -> Address:
        """What the socket is bound to."""

    def close(self) -> Deferred[None]:
        """Stop accepting; fires when the port is free. Accepted connections live on."""


class Attempt(Protocol):
    """A connection under way."""

    def disconnect(self) -> None:
        """Give up the attempt, or close the connection that came of it."""


class Network(Protocol):
    """Opens sockets. Addresses are numeric; failing to bind raises OSError or CannotListenError."""

    def open_datagrams(
        self, address: Address, received: Callable[[Datagrams], None]
    ) -> DatagramPort:
        """Bind and give ``received`` the datagrams of each turn; it must not raise."""

    def open_streams(self, address: Address, factory: Factory) -> StreamPort:
        """Bind, listen, and have ``factory`` build a protocol for every connection accepted."""

    def connect_stream(
        self, address: Address, factory: ClientFactory, bind: Address | None
    ) -> Attempt:
        """Connect; failure goes to ``factory.clientConnectionFailed``, at the latest after 10 s.

        Args:
            bind: source address, port 0 for any; None lets routing choose.
        """

    def source_for(self, remote: str) -> str:
        """The numeric source address that packets to the host ``remote`` carry, "" if no route."""
