"""One transport layer on a virtual host, and peers that speak bytes with it."""

from __future__ import annotations

__all__ = ["HERE", "PEER", "BytePeer", "Stage", "request", "response"]

from collections.abc import Sequence

from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sipapp.app.testing.connection import VirtualStream
from sipapp.app.testing.network import VirtualNetwork
from sipapp.errors import TransportError
from sipapp.message.message import Request, Response
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Address, Listener
from sipapp.transport.layer import TransportLayer
from sipapp.transport.limits import Limits

HERE = "192.0.2.10"
PEER = "198.51.100.1"

BOTH = (Listener("UDP", HERE, 5060), Listener("TCP", HERE, 5060))


def request(
    via: str = f"SIP/2.0/UDP {PEER}:5060;branch=z9hG4bK1",
    *,
    method: str = "OPTIONS",
    extra: Sequence[str] = (),
    body: bytes = b"",
    length: str | None = None,
) -> bytes:
    """A request on the wire."""
    lines = [
        f"{method} sip:bob@example.com SIP/2.0",
        f"Via: {via}",
        "From: <sip:alice@example.com>;tag=a",
        "To: <sip:bob@example.com>",
        "Call-ID: c1",
        f"CSeq: 1 {method}",
        *extra,
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def response(
    via: str = f"SIP/2.0/UDP {HERE}:5060;branch=z9hG4bK2", status: str = "200 OK"
) -> bytes:
    """A response on the wire."""
    return (
        f"SIP/2.0 {status}\r\nVia: {via}\r\nFrom: <sip:alice@example.com>;tag=a\r\n"
        "To: <sip:bob@example.com>;tag=b\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


class Stage:
    """A layer, its world, and what it handed up.

    Attributes:
        clock, network: virtual.
        layer: the subject, listening on UDP and TCP at ``HERE`` port 5060 unless told otherwise.
        got: (message as octets, flow) of everything handed up.
        lost: errors that watched flows reported.
    """

    def __init__(
        self,
        *listeners: Listener,
        limits: Limits | None = None,
        addresses: Sequence[str] = (HERE,),
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.network = VirtualNetwork(self.clock)
        self.got: list[tuple[bytes, Flow]] = []
        self.lost: list[TransportError] = []
        self.raised: list[Exception] = []
        self.fault: Exception | None = None
        self.layer = TransportLayer(
            self.network.host(*addresses),
            self.clock,
            limits or Limits(),
            self._received,
            failed=self.raised.append,
        )
        for listener in listeners or BOTH:
            self.layer.listen(listener)

    def _received(self, message: Request | Response, flow: Flow) -> None:
        self.got.append((message.to_bytes(), flow))
        if self.fault is not None:
            raise self.fault

    def take(self) -> list[bytes]:
        """What was handed up since the last call, as octets."""
        self.network.settle()
        messages = [message for message, _ in self.got]
        self.got.clear()
        return messages

    def udp(self, data: bytes, source: Address = (PEER, 5060), to: Address = (HERE, 5060)) -> Flow:
        """Have a datagram arrive; give the flow it came on, if it was handed up."""
        before = len(self.got)
        self.network.datagram(source, to, data)
        self.network.settle()
        assert len(self.got) == before + 1
        return self.got[-1][1]

    def noise(self, data: bytes, source: Address = (PEER, 5060)) -> list[bytes]:
        """Have a datagram arrive that must not be handed up; give what was sent back."""
        self.network.datagram(source, (HERE, 5060), data)
        sent = len(self.network.ladder)
        self.network.settle()
        assert self.got == []
        return [packet.data for packet in self.network.ladder[sent:]]

    def watched(self, flow: Flow) -> Flow:
        """Collect what a flow reports."""
        flow.watch(self.lost.append)
        return flow

    def sent(self) -> list[tuple[str, Address, Address, bytes]]:
        """What left ``HERE`` so far: transport, source, destination and octets."""
        self.network.settle()
        return [
            (packet.transport, packet.source, packet.destination, packet.data)
            for packet in self.network.ladder
            if packet.source[0] == HERE and packet.data
        ]

    def connect(
        self, source: Address = (PEER, 0), to: Address = (HERE, 5060), *, reads: bool = True
    ) -> BytePeer:
        """Open a connection to the layer."""
        peer = BytePeer(reads=reads)
        bind = source if source[1] else None
        self.network.host(source[0]).connect_stream(to, _Peers(peer), bind)
        self.network.settle()
        return peer

    def accept(self, address: Address, *, reads: bool = True) -> list[BytePeer]:
        """Listen somewhere; give the list of connections that the layer opens to it."""
        factory = _Peers(reads=reads)
        self.network.host(address[0]).open_streams(address, factory)
        return factory.built

    def stop(self) -> None:
        """Stop the layer: nothing may be left to do then."""
        stopped: list[object] = []
        self.layer.stop().addCallback(stopped.append)
        for _ in range(8):
            self.clock.advance(0.5)
        assert stopped == [None]
        assert self.clock.getDelayedCalls() == []


class BytePeer(Protocol):
    """The other end of a connection.

    Attributes:
        octets: all that came.
        end: how it ended, the name of the error, or "".
    """

    transport: VirtualStream

    def __init__(self, *, reads: bool = True) -> None:
        self.octets = b""
        self.end = ""
        self._reads = reads

    def connectionMade(self) -> None:
        """Read, or not."""
        if not self._reads:
            self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        """Keep what comes."""
        self.octets += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Keep how it ended."""
        self.end = type(reason.value).__name__

    def send(self, data: bytes) -> bytes:
        """Send, let it arrive, and give all that has come back so far."""
        self.transport.write(data)
        self.settle()
        return self.octets

    def settle(self) -> None:
        """Let everything arrive."""
        self.transport._wire.settle()  # type: ignore[attr-defined]


class _Peers(ClientFactory, Factory):
    noisy = False

    def __init__(self, peer: BytePeer | None = None, *, reads: bool = True) -> None:
        self.built: list[BytePeer] = []
        self._peer = peer
        self._reads = reads

    def buildProtocol(self, addr: object) -> BytePeer:
        peer = self._peer or BytePeer(reads=self._reads)
        self.built.append(peer)
        return peer
