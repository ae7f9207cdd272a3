"""The network in virtual time: what it does to datagrams and connections."""

from __future__ import annotations

import errno
from random import Random

import pytest
from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sipapp.app.testing.connection import VirtualStream
from sipapp.app.testing.network import VirtualNetwork
from sipapp.transport.hop import Address
from sipapp.transport.network import Datagrams

A = ("192.0.2.1", 5060)
B = ("198.51.100.1", 5060)


class Bench:
    """Two hosts; B writes down what it gets and when."""

    def __init__(self, **settings: float) -> None:
        self.clock = Clock()
        self.network = VirtualNetwork(self.clock, Random(0))
        for name, value in settings.items():
            setattr(self.network, name, value)
        self.a = self.network.host(A[0])
        self.b = self.network.host(B[0])
        self.got: list[tuple[float, bytes, Address]] = []
        self.port = self.a.open_datagrams(A, lambda datagrams: None)
        self.b.open_datagrams(B, self._received)

    def _received(self, datagrams: Datagrams) -> None:
        self.got.extend((self.clock.seconds(), data, source) for data, source in datagrams)

    def send(self, count: int) -> list[int]:
        """Send numbered datagrams 10 ms apart; give the numbers in the order of arrival."""
        for number in range(count):
            self.port.send(b"%d" % number, B)
            self.clock.advance(0.01)
        self.clock.advance(10)
        return [int(data) for _, data, _ in self.got]


class Recorder(Protocol):
    """Writes down its life."""

    transport: VirtualStream

    def __init__(self, log: list[str], name: str) -> None:
        self.log = log
        self.name = name

    def connectionMade(self) -> None:
        """Up."""
        self.log.append(f"{self.name} up")

    def dataReceived(self, data: bytes) -> None:
        """Octets."""
        self.log.append(f"{self.name} got {data.decode()}")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Down."""
        self.log.append(f"{self.name} {type(reason.value).__name__}")


class Recorders(ClientFactory, Factory):
    """Builds recorders and keeps the last one."""

    noisy = False

    def __init__(self, log: list[str], name: str) -> None:
        self.log = log
        self.name = name
        self.last: Recorder

    def buildProtocol(self, addr: object) -> Recorder:
        """Build."""
        self.last = Recorder(self.log, self.name)
        return self.last

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        """No connection."""
        self.log.append(f"{self.name} {type(reason.value).__name__}")


def connected(bench: Bench) -> tuple[list[str], Recorder, Recorder]:
    """A connection from A to B."""
    log: list[str] = []
    server, client = Recorders(log, "b"), Recorders(log, "a")
    bench.b.open_streams(B, server)
    bench.a.connect_stream(B, client, None)
    bench.clock.pump([bench.network.delay] * 2)
    log.clear()
    return log, client.last, server.last


# Datagrams


def test_a_datagram_arrives_after_the_delay() -> None:
    """With the source address that answers go to."""
    bench = Bench(delay=0.25)
    bench.port.send(b"x", B)
    bench.clock.advance(0.2)
    assert bench.got == []
    bench.clock.advance(0.05)
    assert bench.got == [(0.25, b"x", A)]


def test_chance_is_the_same_each_time() -> None:
    """The same seed makes the same history."""
    assert Bench(loss=0.3).send(50) == Bench(loss=0.3).send(50)


def test_lost_datagrams_stay_in_the_ladder() -> None:
    """So that a test can see what was tried."""
    bench = Bench(loss=0.5)
    arrived = bench.send(100)
    lost = [int(packet.data) for packet in bench.network.ladder if packet.note == "lost"]
    assert sorted(arrived + lost) == list(range(100))
    assert 30 < len(lost) < 70


def test_datagrams_are_doubled_and_overtake_each_other() -> None:
    """As the network is told to."""
    doubled = Bench(duplicate=1.0).send(3)
    assert doubled == [0, 0, 1, 1, 2, 2]
    mixed = Bench(reorder=0.5, delay=0.1).send(50)
    assert sorted(mixed) == list(range(50))
    assert mixed != sorted(mixed)


def test_a_host_that_is_off_gets_and_sends_nothing() -> None:
    """A black hole, until it is on again."""
    bench = Bench()
    bench.network.switch_off(B[0])
    bench.send(1)
    bench.network.switch_off(B[0], off=False)
    assert bench.send(2) == [0, 1]


def test_nobody_listening_is_loss() -> None:
    """Closed ports and unknown hosts are silent."""
    bench = Bench()
    bench.port.send(b"x", (B[0], 9))
    bench.port.send(b"x", ("203.0.113.1", 9))
    bench.network.settle()
    assert bench.got == []


@pytest.mark.parametrize(
    ("data", "to", "code"),
    [(b"x", ("2001:db8::1", 5060), errno.ENETUNREACH), (b"x" * 65_508, B, errno.EMSGSIZE)],
)
def test_sending_fails_like_a_socket(data: bytes, to: Address, code: int) -> None:
    """With OSError and the number that Linux gives."""
    with pytest.raises(OSError, match=r"unreachable|too long") as raised:
        Bench().port.send(data, to)
    assert raised.value.errno == code


@pytest.mark.parametrize(
    ("address", "code"), [(A, errno.EADDRINUSE), (("10.0.0.1", 5060), errno.EADDRNOTAVAIL)]
)
def test_binding_fails_like_a_socket(address: Address, code: int) -> None:
    """A taken port, an address of somebody else."""
    bench = Bench()
    with pytest.raises(OSError, match=r"taken|not an address") as raised:
        bench.a.open_datagrams(address, lambda datagrams: None)
    assert raised.value.errno == code


def test_a_wildcard_is_all_addresses_of_one_family() -> None:
    """And port 0 is one of its own choice; a closed port is free again."""
    network = VirtualNetwork(Clock())
    host = network.host("192.0.2.1", "2001:db8::1")
    got: list[bytes] = []
    port = host.open_datagrams(
        ("0.0.0.0", 0), lambda datagrams: got.extend(data for data, _ in datagrams)
    )
    assert port.address == ("0.0.0.0", 49152)
    network.datagram(B, ("192.0.2.1", 49152), b"4")
    network.datagram(("2001:db8::9", 1), ("2001:db8::1", 49152), b"6")
    network.settle()
    assert got == [b"4"]
    assert [host.source_for(to) for to in ("10.0.0.1", "2001:db8::9")] == [
        "192.0.2.1", "2001:db8::1",
    ]  # fmt: skip
    port.close()
    assert host.open_datagrams(("192.0.2.1", 49152), lambda datagrams: None).address[1] == 49152


# Connections


def test_octets_arrive_in_order_after_the_delay() -> None:
    """Also when the delay shrinks meanwhile."""
    bench = Bench(delay=0.1)
    log, client, server = connected(bench)
    client.transport.write(b"one")
    bench.network.delay = 0.0
    client.transport.write(b"two")
    server.transport.write(b"back")
    bench.clock.advance(0)
    assert log == ["a got back"]
    bench.clock.advance(0.1)
    assert log == ["a got back", "b got one", "b got two"]


def test_closing_is_seen_behind_the_last_octets() -> None:
    """Both ends are done."""
    bench = Bench()
    log, client, _ = connected(bench)
    client.transport.write(b"bye")
    client.transport.loseConnection()
    bench.network.settle()
    assert log == ["b got bye", "b ConnectionDone", "a ConnectionDone"]
    assert bench.clock.getDelayedCalls() == []


def test_a_reset_is_seen_by_the_other_end() -> None:
    """As a connection that was lost."""
    bench = Bench()
    log, _, _ = connected(bench)
    bench.network.reset(B[0])
    bench.network.settle()
    assert sorted(log) == ["a ConnectionLost", "b ConnectionAborted"]


def test_who_does_not_read_holds_up_who_writes() -> None:
    """The producer is paused over 64 KiB and resumed when all is read."""
    bench = Bench()
    _, client, server = connected(bench)
    told: list[str] = []

    class Producer:
        """Hears what it is told."""

        def pauseProducing(self) -> None:
            """Pause."""
            told.append("pause")

        def resumeProducing(self) -> None:
            """Resume."""
            told.append("resume")

    client.transport.registerProducer(Producer(), True)
    server.transport.pauseProducing()
    for _ in range(8):
        client.transport.write(b"x" * 10_000)
    bench.network.settle()
    assert told == ["pause"]
    server.transport.resumeProducing()
    bench.network.settle()
    assert told == ["pause", "resume"]


def test_connecting_fails_like_a_socket() -> None:
    """Refused where nobody listens or the network says so; a timeout from a black hole."""
    bench = Bench()
    log: list[str] = []
    bench.b.open_streams(B, Recorders(log, "b"))
    bench.network.refuse(B)
    bench.a.connect_stream(B, Recorders(log, "told"), None)
    bench.a.connect_stream((B[0], 9), Recorders(log, "closed"), None)
    bench.network.switch_off(B[0])
    bench.a.connect_stream(B, Recorders(log, "dark"), None)
    given_up = bench.a.connect_stream(B, Recorders(log, "given up"), None)
    given_up.disconnect()
    bench.clock.advance(9)
    assert sorted(log) == [
        "closed ConnectionRefusedError", "given up UserError", "told ConnectionRefusedError",
    ]  # fmt: skip
    bench.clock.advance(1)
    assert log[3:] == ["dark TimeoutError"]


def test_the_ladder_is_readable() -> None:
    """One line a packet."""
    bench = Bench()
    bench.port.send(b"OPTIONS sip:b SIP/2.0\r\nVia: x\r\n\r\n", B)
    bench.clock.advance(1.5)
    bench.port.send(b"", B)
    assert str(bench.network.ladder) == (
        "     0.000 UDP 192.0.2.1:5060 -> 198.51.100.1:5060 OPTIONS sip:b SIP/2.0\n"
        "     1.500 UDP 192.0.2.1:5060 -> 198.51.100.1:5060 0 octets"
    )
    assert bench.network.ladder.messages(A) == [b"OPTIONS sip:b SIP/2.0\r\nVia: x\r\n\r\n"]
