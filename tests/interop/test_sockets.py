"""The transport layer on real sockets of the loopback interface, on both reactors."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from sipapp.errors import ConnectFailed
from sipapp.message.message import Request, Response, response_to
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop, Listener
from sipapp.transport.layer import TransportLayer
from sipapp.transport.limits import Counters, Limits
from sipapp.transport.sockets import SocketNetwork
from tests.interop.reactors import on_reactor, perform, until

pytestmark = pytest.mark.sockets

Make = Callable[[], Any]


class Server:
    """A layer that answers every request 200, except those for a user called bug."""

    def __init__(self, reactor: Any, *hosts: str) -> None:
        self.failures: list[Exception] = []
        self.requests = 0
        self.responses: list[Response] = []
        self.network = SocketNetwork(reactor)
        self.layer = TransportLayer(
            self.network, reactor, Limits(), self._received, failed=self.failures.append
        )
        for host in hosts or ("127.0.0.1",):
            # TCP chooses: its ports are the ones that others are likely to have taken.
            tcp = self.layer.listen(Listener("TCP", host, 0))
            self.layer.listen(Listener("UDP", host, tcp.port))
        self.address = (self.layer.listeners[0].host, self.layer.listeners[0].port)

    def _received(self, message: Request | Response, flow: Flow) -> None:
        if isinstance(message, Response):
            self.responses.append(message)
            return
        self.requests += 1
        if b"bug" in message.raw_uri:
            raise RuntimeError("a bug")
        answer = response_to(message, 200, to_tag="t").to_bytes()
        self.layer.reply_flow(message, flow).send(answer)


def options(number: int, *, user: str = "a", transport: str = "UDP") -> bytes:
    """A request whose answer comes back to where it was sent from."""
    return (
        f"OPTIONS sip:{user}@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} client.invalid;rport;branch=z9hG4bK{number}\r\n"
        f"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: {number}\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def client(kind: socket.SocketKind, address: tuple[str, int]) -> socket.socket:
    """A socket that is connected to the server and does not wait."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    new = socket.socket(family, kind)
    new.connect(address)
    new.setblocking(False)
    return new


def drain(source: socket.socket, into: list[bytes]) -> list[bytes]:
    """Everything that can be read now."""
    try:
        while data := source.recv(65_535):
            into.append(data)
    except BlockingIOError:
        pass
    return into


@on_reactor
def test_datagrams_are_drained(make: Make) -> None:
    """500 at once: several turns of 64, none lost, all answered."""

    async def play(reactor: Any) -> None:
        server = Server(reactor)
        with client(socket.SOCK_DGRAM, server.address) as phone:
            phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            answers: list[bytes] = []
            for number in range(100):
                phone.send(options(number))
            await until(reactor, lambda: len(drain(phone, answers)) == 100)
        assert all(answer.startswith(b"SIP/2.0 200 OK\r\n") for answer in answers)
        assert server.layer.counters == Counters()
        await server.layer.stop()

    perform(make, play)


@on_reactor
def test_an_exception_costs_no_listener(make: Make) -> None:
    """Neither a datagram nor a stream one; the next message is served."""

    async def play(reactor: Any) -> None:
        server = Server(reactor)
        for kind, transport in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
            with client(kind, server.address) as phone:
                phone.send(options(1, user="bug", transport=transport))
                phone.send(options(2, transport=transport))
                answers: list[bytes] = []
                await until(reactor, lambda: drain(phone, answers))  # noqa: B023
                assert b"Call-ID: 2\r\n" in answers[0]
        assert [str(error) for error in server.failures] == ["a bug", "a bug"]
        await server.layer.stop()

    perform(make, play)


@on_reactor
def test_a_half_closed_client_is_answered(make: Make) -> None:
    """FIN right behind the request."""

    async def play(reactor: Any) -> None:
        server = Server(reactor)
        with client(socket.SOCK_STREAM, server.address) as phone:
            phone.send(options(1, transport="TCP"))
            phone.shutdown(socket.SHUT_WR)
            answers: list[bytes] = []
            await until(reactor, lambda: drain(phone, answers))
        assert answers[0].startswith(b"SIP/2.0 200 OK\r\n")
        await server.layer.stop()

    perform(make, play)


@on_reactor
def test_lost_framing_is_answered_before_the_connection_ends(make: Make) -> None:
    """The answer is not taken back by a reset, although octets were left unread."""

    async def play(reactor: Any) -> None:
        server = Server(reactor)
        with client(socket.SOCK_STREAM, server.address) as phone:
            phone.send(options(1, transport="TCP").replace(b": 0", b": 999999999") + b"x" * 50_000)
            answers: list[bytes] = []
            await until(reactor, lambda: drain(phone, answers))
            assert answers[0].startswith(b"SIP/2.0 413 Request Entity Too Large\r\n")
            await until(reactor, lambda: not len(server.layer._streams._connections))
        await server.layer.stop()

    perform(make, play)


@on_reactor
def test_resets_are_quiet(make: Make) -> None:
    """At every point of a message; nothing is left of the connections."""

    async def play(reactor: Any) -> None:
        server = Server(reactor)
        message = options(1, transport="TCP")
        for cut in range(0, len(message), 20):
            with client(socket.SOCK_STREAM, server.address) as phone:
                phone.send(message[:cut] or b"\r")
                phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with client(socket.SOCK_STREAM, server.address) as phone:
            phone.send(message)
            await until(reactor, lambda: server.requests)
        await until(reactor, lambda: not len(server.layer._streams._connections))
        assert server.failures == []
        await server.layer.stop()

    perform(make, play)


@on_reactor
def test_both_families_share_a_port(make: Make) -> None:
    """IPv6 sockets carry IPv6 only. [T05]"""

    async def play(reactor: Any) -> None:
        server = Server(reactor, "0.0.0.0")
        port = server.address[1]
        for transport in ("UDP", "TCP"):
            server.layer.listen(Listener(transport, "::", port))
        for host in ("127.0.0.1", "::1"):
            for kind, transport in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
                with client(kind, (host, port)) as phone:
                    phone.send(options(1, transport=transport))
                    answers: list[bytes] = []
                    await until(reactor, lambda: drain(phone, answers))  # noqa: B023
                    assert f"received={host}\r\n".encode() in answers[0]
        await server.layer.stop()

    perform(make, play)


@on_reactor
def test_two_servers_talk_over_one_connection(make: Make) -> None:
    """The one that connected sends from its listener's address; refusal is reported."""

    async def play(reactor: Any) -> None:
        one, two = Server(reactor), Server(reactor, "127.0.0.2")
        flow = one.layer.flow_to(Hop("TCP", *two.address))
        via = f"Via: SIP/2.0/TCP {flow.sent_by};branch=z9hG4bK1\r\n".encode()
        message = options(1, transport="TCP")
        start, end = message.index(b"Via"), message.index(b"From")
        flow.send(message[:start] + via + message[end:])
        await until(reactor, lambda: one.responses)
        assert one.responses[0].status == 200
        errors: list[Exception] = []
        refused = one.layer.flow_to(Hop("TCP", "127.0.0.3", 9))
        refused.watch(errors.append)
        await until(reactor, lambda: errors)
        assert isinstance(errors[0], ConnectFailed)
        await two.layer.stop()
        await one.layer.stop()

    perform(make, play)


@on_reactor
def test_routing_tells_our_address(make: Make) -> None:
    """By asking the system, without a packet."""

    async def play(reactor: Any) -> None:
        network = SocketNetwork(reactor)
        assert network.source_for("127.0.0.9") == "127.0.0.1"
        assert network.source_for("::1") == "::1"

    perform(make, play)


@on_reactor
def test_a_taken_port_is_an_error(make: Make) -> None:
    """OSError, and no socket is left behind."""

    async def play(reactor: Any) -> None:
        server = Server(reactor)
        for transport in ("UDP", "TCP"):
            with pytest.raises(OSError, match="in use"):
                server.layer.listen(Listener(transport, *server.address))
        await server.layer.stop()

    perform(make, play)
