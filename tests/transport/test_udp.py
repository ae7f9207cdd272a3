"""SIP over datagrams, from the socket to the layer above and back."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from sipapp.app.testing.network import VirtualNetwork
from sipapp.errors import SendFailed
from sipapp.message.message import Request, Response
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop, Listener
from sipapp.transport.layer import TransportLayer
from sipapp.transport.limits import Counters, Limits
from tests.transport.stage import HERE, PEER, Stage, request, response


def test_a_request_is_handed_up_with_its_flow() -> None:
    """The flow says which socket and which remote. [T01]"""
    stage = Stage()
    flow = stage.udp(request())
    assert stage.take() == [request()]
    assert (flow.transport, flow.reliable, flow.secure) == ("UDP", False, False)
    assert (flow.local, flow.remote) == ((HERE, 5060), (PEER, 5060))
    assert (flow.sent_by, flow.closed) == (f"{HERE}:5060", False)


def test_one_remote_is_one_flow() -> None:
    """Flows compare by identity; ``flow_to`` gives the same one."""
    stage = Stage()
    first = stage.udp(request())
    assert stage.udp(request()) is first
    assert stage.layer.flow_to(Hop("UDP", PEER, 5060)) is first
    assert stage.udp(request(), (PEER, 5062)) is not first


def test_flows_of_many_remotes_are_bounded() -> None:
    """Two generations are kept; a forgotten flow still sends."""
    stage = Stage(limits=Limits(datagram_flows=2))
    flows = [stage.udp(request(), (PEER, port)) for port in range(1, 6)]
    assert stage.udp(request(), (PEER, 5)) is flows[4]
    assert stage.udp(request(), (PEER, 3)) is flows[2]
    assert stage.udp(request(), (PEER, 1)) is not flows[0]
    flows[0].send(b"x")
    assert stage.sent() == [("UDP", (HERE, 5060), (PEER, 1), b"x")]


@pytest.mark.parametrize(
    ("via", "stamped"),
    [
        (f"{PEER}:5060;branch=z9hG4bK1", f"{PEER}:5060;branch=z9hG4bK1"),
        (
            "pc.example.com;branch=z9hG4bK1",
            f"pc.example.com;branch=z9hG4bK1;received={PEER}",
        ),
        ("10.0.0.1:5060;branch=z9hG4bK1", f"10.0.0.1:5060;branch=z9hG4bK1;received={PEER}"),
        (
            f"{PEER}:5060;rport;branch=z9hG4bK1",
            f"{PEER}:5060;branch=z9hG4bK1;rport=9988;received={PEER}",
        ),
        (
            f"{PEER}:5060;branch=z9hG4bK1;rport",
            f"{PEER}:5060;branch=z9hG4bK1;rport=9988;received={PEER}",
        ),
        (
            f"{PEER}:5060;branch=z9hG4bK1;rport=1;received=10.6.6.6",
            f"{PEER}:5060;branch=z9hG4bK1;rport=9988;received={PEER}",
        ),
        (f"{PEER}:5060;branch=z9hG4bK1;received=10.6.6.6", f"{PEER}:5060;branch=z9hG4bK1"),
        (
            f'{PEER}:5060;x=";rport;";branch=z9hG4bK1;rport',
            f'{PEER}:5060;x=";rport;";branch=z9hG4bK1;rport=9988;received={PEER}',
        ),
        (
            "10.0.0.1;rport;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.9;rport;branch=z9hG4bK0",
            f"10.0.0.1;branch=z9hG4bK1;rport=9988;received={PEER}"
            ", SIP/2.0/UDP 10.0.0.9;rport;branch=z9hG4bK0",
        ),
    ],
)
def test_the_source_is_written_into_the_top_via(via: str, stamped: str) -> None:
    """received as RFC 3261 18.2.1, rport as RFC 3581 4; what the sender claims is replaced."""
    stage = Stage()
    stage.udp(request(f"SIP/2.0/UDP {via}"), (PEER, 9988))
    assert stage.take() == [request(f"SIP/2.0/UDP {stamped}")]


def test_a_response_needs_our_via() -> None:
    """Others are silently discarded (RFC 3261 18.1.2)."""
    stage = Stage()
    stage.udp(response())
    assert stage.take() == [response()]
    assert stage.noise(response("SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bK2")) == []
    assert stage.noise(response("SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK2")) == []
    assert stage.layer.counters == Counters(foreign=2)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", b"\r\n", b"\r\n\r\n", b"\n", b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"a" * 12],
)
def test_keep_alives_and_stun_are_dropped_silently(data: bytes) -> None:
    """Nothing that begins with a control octet is SIP (RFC 5626 8)."""
    stage = Stage()
    assert stage.noise(data) == []
    assert stage.layer.counters == Counters(noise=1)


@pytest.mark.parametrize(
    "data",
    [
        b"jaK", b"GET / HTTP/1.1\r\n\r\n", b"\x80\x00\x00\x01" + b"\x00" * 8, b"SIP/2.0",
        b"SIP/2.0 999", b"INVITE", b"INVITE sip:", b"ACK sip:x SIP/2.0\r\n\r\n", b"{}",
        b"SIP/2.0 4294967301 x\r\n\r\n", response(status="0 x"), response(status="700 x"),
        request(method="ACK", length="99"),
    ],
)  # fmt: skip
def test_what_nobody_can_be_answered_for_is_dropped(data: bytes) -> None:
    """Noise, broken responses and broken ACKs (RFC 3261 18.3, RFC 4475 3.1.2.19)."""
    stage = Stage()
    assert stage.noise(data) == []
    assert stage.layer.counters == Counters(malformed=1)


def test_a_broken_request_is_answered_without_state() -> None:
    """400 names the field, goes where an answer would, and is the same each time (8.2.7)."""
    stage = Stage()
    broken = request(f"SIP/2.0/UDP {PEER}:5060;branch=z9hG4bK1", body=b"hello", length="99")
    [answer] = stage.noise(broken, (PEER, 7777))
    to_tag = answer.split(b"To: <sip:bob@example.com>;tag=")[1].split(b"\r\n")[0]
    assert len(to_tag) == 16
    assert answer == (
        b"SIP/2.0 400 Bad Content-Length\r\n"
        b"Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1\r\n"
        b"From: <sip:alice@example.com>;tag=a\r\n"
        b"To: <sip:bob@example.com>;tag=" + to_tag + b"\r\n"
        b"Call-ID: c1\r\n"
        b"CSeq: 1 OPTIONS\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert stage.noise(broken, (PEER, 7777)) == [answer]
    assert stage.network.ladder[-1].destination == (PEER, 5060)
    assert stage.layer.counters == Counters(refused=2)


def test_a_request_with_a_broken_via_is_answered_to_its_source() -> None:
    """There is nowhere else to send it to."""
    stage = Stage()
    [answer] = stage.noise(request("SIP/2.0/UDP 198.51.100.1:99999"), (PEER, 7777))
    assert answer.startswith(b"SIP/2.0 400 Bad Via\r\n")
    assert stage.network.ladder[-1].destination == (PEER, 7777)


def test_another_version_is_answered_505() -> None:
    """The registered phrase goes with every status but 400 (RFC 3261 21.5.6)."""
    [answer] = Stage().noise(request().replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1))
    assert answer.startswith(b"SIP/2.0 505 Version Not Supported\r\n")


def test_octets_behind_the_body_are_ignored() -> None:
    """They are no second request (RFC 3261 18.3, RFC 4475 3.1.1.8). [W05]"""
    stage = Stage()
    stage.udp(request(body=b"hello") + request())
    assert stage.take() == [request(body=b"hello")]


def test_line_ends_before_a_datagram_are_skipped() -> None:
    """Some phones glue a keep-alive to a message."""
    stage = Stage()
    stage.udp(b"\r\n\r\n" + request())
    assert stage.take() == [request()]


@pytest.mark.parametrize(
    ("code", "reported"),
    [
        (errno.EAGAIN, []),
        (errno.ECONNREFUSED, []),
        (errno.ENETUNREACH, [f"{PEER}: no"]),
        (errno.EMSGSIZE, [f"{PEER}: no"]),
    ],
)
def test_a_failed_send_is_reported_in_a_later_turn(code: int, reported: list[str]) -> None:
    """A full queue is loss like any other; what is final is told, but never inside ``send``."""
    stage = Stage()
    flow = stage.udp(request())

    def refuse(_data: bytes, _address: tuple[str, int]) -> None:
        raise OSError(code, "no")

    stage.layer._bindings[0].output = refuse  # type: ignore[union-attr]
    flow = stage.watched(stage.layer.flow_to(Hop("UDP", PEER, 5099)))
    flow.send(b"x")
    assert stage.lost == []
    stage.network.settle()
    assert [(type(error), str(error)) for error in stage.lost] == [
        (SendFailed, text) for text in reported
    ]
    assert stage.layer.counters.unsent == 1
    assert not flow.closed


def test_who_unwatches_is_not_told() -> None:
    """Not even when an earlier watcher of the same failure does it."""
    stage = Stage(Listener("UDP", HERE, 5060))
    flow = stage.layer.flow_to(Hop("UDP", "2001:db8::1", 5060))
    told: list[str] = []
    flow.watch(lambda _: (told.append("first"), flow.unwatch(second))[0])  # type: ignore[func-returns-value]
    second = lambda _: told.append("second")  # noqa: E731
    flow.watch(second)
    flow.send(b"x")
    stage.network.settle()
    assert told == ["first"]


def test_stop_leaves_nothing() -> None:
    """No port, no delayed call; what is still held sends nothing."""
    stage = Stage()
    flow = stage.watched(stage.layer.flow_to(Hop("UDP", "224.0.0.1", 5060)))
    flow.send(b"x")
    stage.stop()
    flow.send(b"x")
    assert stage.clock.getDelayedCalls() == []
    stage.network.datagram((PEER, 1), (HERE, 5060), request())
    assert stage.take() == []


class Turn:
    """A layer that answers every message, and the turn of its socket.

    Attributes:
        network: what was sent.
        sent_before: how many datagrams had left when each message came.
        fault: raised by the second message.
        then: called after the first message.
    """

    def __init__(self) -> None:
        clock = Clock()
        self.network = VirtualNetwork(clock)
        self.sent_before: list[int] = []
        self.raised: list[Exception] = []
        self.fault = ValueError()
        self.then: Callable[[], object] = bool
        self.layer = TransportLayer(
            self.network.host(HERE), clock, Limits(), self._answer, failed=self.raised.append
        )
        self.layer.listen(Listener("UDP", HERE, 5060))

    def _answer(self, message: Request | Response, flow: Flow) -> None:
        self.sent_before.append(len(self.network.ladder))
        flow.send(b"%d" % len(self.sent_before))
        if len(self.sent_before) == 1:
            self.then()
        if len(self.sent_before) == 2:
            raise self.fault

    def take(self, datagrams: int) -> list[bytes]:
        """Have so many come at once; give what was sent."""
        port = self.network.host(HERE).datagrams[HERE, 5060]
        port.received([(request(), (PEER, 5060 + number)) for number in range(datagrams)])
        return [packet.data for packet in self.network.ladder]


def test_what_is_sent_in_a_turn_leaves_at_its_end() -> None:
    """In order, whatever becomes of a message of the turn; outside a turn at once."""
    turn = Turn()
    assert turn.take(3) == [b"1", b"2", b"3"]
    assert turn.sent_before == [0, 0, 0]
    assert [packet.destination[1] for packet in turn.network.ladder] == [5060, 5061, 5062]
    assert (turn.raised, turn.layer.counters) == ([turn.fault], Counters(failures=1))
    turn.layer.flow_to(Hop("UDP", PEER, 5060)).send(b"x")
    assert turn.network.ladder[-1].data == b"x"


def test_an_answer_that_cannot_be_sent_costs_no_other() -> None:
    """Whatever the system says to it; the failure is told."""
    turn = Turn()
    fault = RuntimeError()
    port = turn.network.host(HERE).datagrams[HERE, 5060]
    flows = [turn.layer.flow_to(Hop("UDP", PEER, 5060 + number)) for number in range(2)]

    def refuse(data: bytes, remote: object) -> None:
        raise fault

    flows[0]._output = refuse  # type: ignore[attr-defined]
    assert turn.take(2) == [b"2"]
    assert turn.raised == [turn.fault, fault]
    assert port.address == (HERE, 5060)


def test_a_turn_ends_when_the_socket_is_closed() -> None:
    """What came behind the message that stopped the server is not looked at."""
    turn = Turn()
    turn.then = turn.layer.stop
    turn.take(3)
    assert turn.sent_before == [0]
