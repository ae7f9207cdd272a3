"""What a scripted phone sends and receives through: a socket or a connection, both virtual."""

from __future__ import annotations

__all__ = ["Wire", "open_wire"]

from collections.abc import Callable
from typing import Protocol as Shape

from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import ClientFactory, Factory, Protocol

from sipapp.message.stream import Frame, StreamLimits, StreamParser
from sipapp.transport.hop import Address
from sipapp.transport.network import Datagrams, Network

Received = Callable[[bytes], None]


class Wire(Shape):
    """Sends whole messages."""

    def send(self, data: bytes, server: Address) -> None:
        """Send one message; a connection stays with the server it was opened to."""

    def close(self) -> None:
        """Leave."""


def open_wire(transport: str, network: Network, address: Address, received: Received) -> Wire:
    """Open a wire; ``received`` gets every whole message."""
    wire = _Datagrams if transport == "UDP" else _Stream
    return wire(network, address, received)


class _Datagrams:
    def __init__(self, network: Network, address: Address, received: Received) -> None:
        self._received = received
        self._port = network.open_datagrams(address, self._came)

    def _came(self, datagrams: Datagrams) -> None:
        for data, _ in datagrams:
            self._received(data)

    def send(self, data: bytes, server: Address) -> None:
        self._port.send(data, server)

    def close(self) -> None:
        self._port.close()


class _Framing(Protocol):
    """Cuts the stream into messages and writes what waited for the connection."""

    def __init__(self, wire: _Stream) -> None:
        self._wire = wire
        self._parser = StreamParser(StreamLimits())

    def connectionMade(self) -> None:
        """Take the connection for sending when it is the one we opened."""
        self._wire.connected(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """Hand whole messages on."""
        for event in self._parser.feed(data):
            if isinstance(event, Frame):
                self._wire.received(event.data)


class _Factory(ClientFactory):
    noisy = False

    def __init__(self, wire: _Stream) -> None:
        self._wire = wire

    def buildProtocol(self, addr: object) -> Protocol:
        return _Framing(self._wire)


class _Stream:
    """One connection, opened at the first message, or the first that was accepted."""

    def __init__(self, network: Network, address: Address, received: Received) -> None:
        self.received = received
        self._network = network
        self._transport: ITransport | None = None
        self._waiting: list[bytes] = []
        self._asked = False
        factory: Factory = _Factory(self)
        self._port = network.open_streams(address, factory)

    def send(self, data: bytes, server: Address) -> None:
        if self._transport is not None:
            self._transport.write(data)
            return
        self._waiting.append(data)
        if not self._asked:
            self._asked = True
            self._network.connect_stream(server, _Factory(self), None)

    def connected(self, transport: ITransport | None) -> None:
        assert transport is not None
        self._transport = self._transport or transport
        for data in self._waiting:
            self._transport.write(data)
        self._waiting.clear()

    def close(self) -> None:
        self._port.close()
        if self._transport is not None:
            self._transport.loseConnection()
