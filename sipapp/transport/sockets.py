"""The real network: sockets on a Twisted reactor.

Datagram sockets are read by a descriptor of our own instead of ``listenUDP``: it drains the
socket in one go (7-9 us a datagram against 40 on asyncio's datagram transport), and nothing of an
ICMP error reaches it.
"""

from __future__ import annotations

__all__ = ["ISocketReactor", "SocketNetwork"]

import socket
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorFDSet,
    IReactorSocket,
    IReactorTCP,
    IReadDescriptor,
)
from twisted.internet.protocol import ClientFactory, Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from sipapp.transport.hop import Address
from sipapp.transport.network import Attempt, Datagrams

DRAIN = 64
"""Datagrams read in one turn: timers and connections get their turn under any load."""

BUFFER = 4 * 1024 * 1024
"""Octets asked for in each direction; the system's default holds about 100 INVITEs."""

BACKLOG = 1024
CONNECT_TIMEOUT = 10.0
_LARGEST = 65_535
_SNDBUFFORCE, _RCVBUFFORCE = 32, 33  # Linux; Python does not name them


class ISocketReactor(IReactorFDSet, IReactorSocket, IReactorTCP):
    """What is needed of a reactor: epoll, poll, select and asyncio have it."""


@implementer(IReadDescriptor)
class DatagramSocket:
    """A bound UDP socket that a reactor reads from."""

    def __init__(
        self,
        reactor: ISocketReactor,
        bound: socket.socket,
        received: Callable[[Datagrams], None],
    ) -> None:
        self.address: Address = bound.getsockname()[:2]
        self.send: Callable[[bytes, Address], object] = bound.sendto
        self._reactor = reactor
        self._socket = bound
        self._wide = bound.family == socket.AF_INET6
        self._received = received
        self._open = True
        reactor.addReader(self)

    def fileno(self) -> int:
        """Name the descriptor to the reactor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Name the descriptor in logs."""
        return "sip udp"

    def doRead(self) -> None:
        """Read what is there, up to ``DRAIN`` datagrams."""
        receive, wide = self._socket.recvfrom, self._wide
        datagrams: list[tuple[bytes, Address]] = []
        for _ in range(DRAIN):
            try:
                data, source = receive(_LARGEST)
            except BlockingIOError:
                break
            except OSError:
                continue  # ICMP about something sent earlier; the socket is as good as before
            datagrams.append((data, source[:2] if wide else source))
        self._received(datagrams)

    def connectionLost(self, reason: Failure) -> None:
        """Take the reactor's word that it is over, when it stops."""
        self.close()

    def close(self) -> None:
        """Stop reading and free the port."""
        if self._open:
            self._open = False
            self._reactor.removeReader(self)
            self._socket.close()


class ListeningSocket:
    """A bound TCP socket that accepts."""

    def __init__(self, port: IListeningPort, address: Address) -> None:
        self.address = address
        self._port = port

    def close(self) -> Deferred[None]:
        """Stop accepting."""
        stopped = self._port.stopListening()
        if isinstance(stopped, Deferred):
            return stopped.addCallback(lambda _: None)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done


class SocketNetwork:
    """``Network`` on sockets.

    Args:
        reactor: anything that watches file descriptors.
    """

    def __init__(self, reactor: ISocketReactor) -> None:
        self._reactor = reactor

    def open_datagrams(
        self, address: Address, received: Callable[[Datagrams], None]
    ) -> DatagramSocket:
        """Bind a UDP socket and read from it.

        Raises:
            OSError: the address cannot be bound.
        """
        bound = _bound(socket.SOCK_DGRAM, address)
        _widen(bound)
        return DatagramSocket(self._reactor, bound, received)

    def open_streams(self, address: Address, factory: Factory) -> ListeningSocket:
        """Bind a TCP socket and accept.

        Our own socket, adopted: Twisted's would take IPv4 on "::" too, and a backlog of 50.

        Raises:
            OSError: the address cannot be bound.
        """
        with _bound(socket.SOCK_STREAM, address) as bound:
            bound.listen(BACKLOG)
            port = self._reactor.adoptStreamPort(
                bound.fileno(),
                bound.family,
                factory,  # type: ignore[arg-type]
            )
            return ListeningSocket(port, bound.getsockname()[:2])

    def connect_stream(
        self, address: Address, factory: ClientFactory, bind: Address | None
    ) -> Attempt:
        """Connect by TCP, for at most 10 s."""
        host, port = address
        connector: Attempt = self._reactor.connectTCP(
            host, port, factory, timeout=CONNECT_TIMEOUT, bindAddress=bind
        )
        return connector

    def source_for(self, remote: str) -> str:
        """Ask the routing table, by connecting a datagram socket: nothing is sent."""
        with socket.socket(_family(remote), socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((remote, 9))
            except OSError:
                return ""
            host: str = probe.getsockname()[0]
            return host


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bound(kind: socket.SocketKind, address: Address) -> socket.socket:
    family = _family(address[0])
    new = socket.socket(family, kind)
    try:
        new.setblocking(False)
        if family == socket.AF_INET6:
            new.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        new.bind(address)
    except OSError:
        new.close()
        raise
    return new


def _widen(bound: socket.socket) -> None:
    """Ask for large buffers: beyond the system's limit where that is allowed, else up to it."""
    for forced, polite in ((_RCVBUFFORCE, socket.SO_RCVBUF), (_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            bound.setsockopt(socket.SOL_SOCKET, forced, BUFFER)
        except OSError:
            bound.setsockopt(socket.SOL_SOCKET, polite, BUFFER)
