"""One connection: framing, deadlines, ends, back-pressure."""

from __future__ import annotations

import pytest

from sipapp.errors import SendFailed
from sipapp.transport.hop import Hop
from sipapp.transport.limits import Counters
from tests.transport.stage import HERE, PEER, Stage, request, response

TCP = f"SIP/2.0/TCP {PEER}:5060;branch=z9hG4bK1"


def tcp(**changes: object) -> bytes:
    """A request that came by TCP."""
    return request(TCP, **changes)  # type: ignore[arg-type]


def reason(error: Exception) -> tuple[type[Exception], str]:
    """What an error says."""
    return type(error), str(error)


# Framing


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_messages_arrive_whole_and_in_order(size: int) -> None:
    """However they are cut into segments. [T01]"""
    stage = Stage()
    peer = stage.connect()
    stream = tcp(body=b"one") + tcp() + tcp(body=b"three")
    for at in range(0, len(stream), size):
        peer.send(stream[at : at + size])
    flow = stage.got[0][1]
    assert stage.take() == [tcp(body=b"one"), tcp(), tcp(body=b"three")]
    assert (flow.transport, flow.reliable, flow.secure) == ("TCP", True, False)
    assert (flow.local, flow.remote) == ((HERE, 5060), peer.transport.host)
    assert flow.sent_by == f"{HERE}:5060"


def test_300_pipelined_requests_are_answered_in_order() -> None:
    """The queue of 256 KiB is not for a peer that reads."""
    stage = Stage()
    peer = stage.connect()
    messages = [tcp(extra=[f"X-Number: {n}"]) for n in range(300)]
    peer.send(b"".join(messages))
    for message, flow in stage.got:
        flow.send(message)
    assert stage.take() == messages
    assert peer.octets == b"".join(messages)


def test_a_double_line_end_is_answered_with_one() -> None:
    """Keep-alive (RFC 5626 4.4.1); a single one is not answered."""
    stage = Stage()
    peer = stage.connect()
    assert peer.send(b"\r\n\r\n") == b"\r\n"
    assert peer.send(b"\r\n") == b"\r\n"
    assert peer.send(tcp()) == b"\r\n"
    assert peer.send(b"\r\n\r\n") == b"\r\n\r\n"
    assert stage.take() == [tcp()]


def refusal(status: str, to_tag: bytes) -> bytes:
    """The answer to a broken ``tcp()``."""
    return (
        f"SIP/2.0 {status}\r\nVia: {TCP}\r\nFrom: <sip:alice@example.com>;tag=a\r\n"
        f"To: <sip:bob@example.com>;tag={to_tag.decode()}\r\nCall-ID: c1\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def tag_in(answer: bytes) -> bytes:
    """The tag we put into To."""
    return answer.partition(b"<sip:bob@example.com>;tag=")[2].partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        (tcp(length="+5"), "400 Bad Content-Length"),
        (tcp(length="-999"), "400 Bad Content-Length"),
        (tcp(extra=["l: 0"]), "400 Bad Content-Length"),
        (tcp().replace(b"Content-Length", b"X"), "400 Bad Content-Length"),
        (tcp(length="104857600"), "413 Request Entity Too Large"),
        (tcp(extra=["X: " + "z" * 9000]), "513 Message Too Large"),
    ],
)
def test_lost_framing_is_answered_and_the_connection_closed(broken: bytes, status: str) -> None:
    """What follows in the same write is not served (RFC 4475 3.3.9). [W05]"""
    stage = Stage()
    peer = stage.connect()
    answer = peer.send(broken + tcp())
    assert answer == refusal(status, tag_in(answer))
    assert peer.end == "ConnectionDone"
    assert stage.take() == []
    assert stage.layer.counters == Counters(refused=1)
    stage.stop()


def test_who_pours_into_us_is_held_up_and_cut() -> None:
    """Nothing more is read; the answer can still be, and 2 s later it is over."""
    stage = Stage()
    peer = stage.connect(reads=False)
    peer.send(tcp(length="104857600"))
    for _ in range(100):
        peer.send(b"b" * 16384)
    assert stage.layer._streams._connections._all != {}
    stage.clock.pump([0.5] * 7)
    assert peer.end == "ConnectionLost"
    assert stage.layer.counters == Counters(refused=1, expired=1)
    assert stage.take() == []
    stage.stop()


def test_a_broken_request_whose_framing_holds_does_not_end_the_connection() -> None:
    """Its neighbours are served (RFC 4475 3.1.2.17)."""
    stage = Stage()
    peer = stage.connect()
    answer = peer.send(tcp().replace(b"CSeq: 1 OPTIONS", b"CSeq: x") + tcp())
    assert answer.startswith(b"SIP/2.0 400 Bad CSeq\r\n")
    assert (peer.end, stage.take()) == ("", [tcp()])


@pytest.mark.parametrize(
    "noise",
    [b"GET / HTTP/1.1\r\nl: 0\r\n\r\n", b"\x80\x00\r\n\r\n", response(TCP, status="999 x")],
)
def test_noise_on_a_connection_ends_it(noise: bytes) -> None:
    """There is nobody to answer, and more of it to come."""
    stage = Stage()
    peer = stage.connect()
    assert (peer.send(noise + tcp()), peer.end) == (b"", "ConnectionDone")
    assert stage.take() == []
    assert stage.layer.counters.malformed == 1


def test_an_exception_of_the_layer_above_costs_nothing() -> None:
    """It is reported; the connection and its next message are served."""
    stage = Stage()
    peer = stage.connect()
    fault = stage.fault = RuntimeError("a bug")
    peer.send(tcp())
    stage.fault = None
    peer.send(tcp())
    assert (stage.take(), stage.raised, peer.end) == ([tcp(), tcp()], [fault], "")
    assert stage.layer.counters == Counters(failures=1)


# Deadlines


def test_a_message_must_be_whole_in_time() -> None:
    """15 s after its first octet, whatever trickles in; others do not suffer."""
    stage = Stage()
    peer = stage.connect()
    peer.send(tcp())
    stage.clock.advance(100)
    message = tcp(body=b"hello")
    for at in range(28):
        peer.send(message[at : at + 1])
        stage.clock.pump([0.5])
        assert peer.end == ""
    stage.clock.pump([0.5] * 4)
    assert peer.end == "ConnectionDone"
    assert stage.layer.counters == Counters(expired=1)
    stage.stop()


def test_the_time_of_the_next_message_is_its_own() -> None:
    """A connection may carry messages of 10 s each for ever."""
    stage = Stage()
    peer = stage.connect()
    for _ in range(20):
        peer.send(tcp()[:9])
        stage.clock.pump([1.0] * 10)
        peer.send(tcp()[9:])
    assert (stage.take(), peer.end) == ([tcp()] * 20, "")


def test_a_connection_that_carries_nothing_is_closed() -> None:
    """60 s after it came; pings are no reason to keep it."""
    stage = Stage()
    peer = stage.connect()
    for _ in range(59):
        peer.send(b"\r\n\r\n")
        stage.clock.pump([1.0])
    assert peer.end == ""
    stage.clock.pump([1.0] * 2)
    assert peer.end == "ConnectionDone"


def test_a_connection_that_works_may_idle_long() -> None:
    """900 s; there a ping counts (RFC 5626 4.4.1 asks for one in 840 s)."""
    stage = Stage()
    peer = stage.connect()
    peer.send(tcp())
    for _ in range(3):
        stage.clock.pump([1.0] * 840)
        peer.send(b"\r\n\r\n")
    stage.clock.pump([1.0] * 899)
    assert peer.end == ""
    stage.clock.pump([1.0] * 2)
    assert peer.end == "ConnectionDone"


def test_deadlines_cost_one_delayed_call_and_none_without_connections() -> None:
    """For all connections together."""
    stage = Stage()
    assert stage.clock.getDelayedCalls() == []
    peers = [stage.connect() for _ in range(5)]
    for peer in peers:
        peer.send(tcp())
    assert len(stage.clock.getDelayedCalls()) == 1
    for peer in peers:
        peer.transport.abortConnection()
    stage.network.settle()
    assert stage.clock.getDelayedCalls() == []


# Ends


def test_a_half_closed_peer_still_gets_its_answer() -> None:
    """FIN behind the request; 5 s after the last answer the connection is closed."""
    stage = Stage()
    peer = stage.connect()
    peer.transport.write(tcp())
    peer.transport.loseWriteConnection()
    stage.network.settle()
    [(_, flow)] = stage.got
    stage.clock.pump([1.0] * 4)
    flow.send(b"late answer")
    stage.network.settle()
    assert (peer.octets, peer.end) == (b"late answer", "")
    stage.clock.pump([1.0] * 11)
    assert peer.end == "ConnectionDone"
    assert flow.closed


def test_a_half_closed_peer_is_not_served_for_ever() -> None:
    """32 s, however much is sent."""
    stage = Stage()
    peer = stage.connect()
    peer.transport.write(tcp())
    peer.transport.loseWriteConnection()
    stage.network.settle()
    [(_, flow)] = stage.got
    for _ in range(40):
        flow.send(b"x")
        stage.clock.pump([1.0])
    assert peer.end == "ConnectionDone"


@pytest.mark.parametrize("sent", [b"", tcp()[:50]])
def test_a_peer_that_leaves_without_a_request_is_let_go(sent: bytes) -> None:
    """Half a message will never be whole."""
    stage = Stage()
    peer = stage.connect()
    peer.transport.write(sent)
    peer.transport.loseWriteConnection()
    stage.network.settle()
    assert peer.end == "ConnectionDone"
    assert stage.clock.getDelayedCalls() == []


@pytest.mark.parametrize("cut", range(0, len(tcp()), 40))
def test_a_reset_in_the_middle_of_a_message_is_quiet(cut: int) -> None:
    """The flow is lost, nothing is raised and nothing is left."""
    stage = Stage()
    peer = stage.connect()
    peer.send(tcp() + tcp()[:cut])
    flow = stage.watched(stage.got[0][1])
    peer.transport.abortConnection()
    stage.network.settle()
    assert [reason(error) for error in stage.lost] == [
        (SendFailed, "Connection to the other side was lost in a non-clean fashion.")
    ]
    assert flow.closed
    assert stage.clock.getDelayedCalls() == []


def test_a_closed_flow_tells_each_sender() -> None:
    """In a later turn, like every failure."""
    stage = Stage()
    peer = stage.connect()
    peer.send(tcp())
    flow = stage.got[0][1]
    peer.transport.abortConnection()
    stage.network.settle()
    stage.watched(flow).send(b"x")
    assert stage.lost == []
    stage.network.settle()
    assert [reason(error) for error in stage.lost] == [(SendFailed, "the connection is closed")]


def test_stop_says_goodbye_and_leaves_nothing() -> None:
    """What was sent before still arrives; a peer that does not react is cut."""
    stage = Stage()
    peer = stage.connect()
    deaf = stage.connect(reads=False)
    peer.send(tcp())
    stage.got[0][1].send(b"last words")
    stage.accept((PEER, 5099))
    stage.network.switch_off("203.0.113.9")
    stage.layer.flow_to(Hop("TCP", "203.0.113.9", 5060)).send(b"never")
    stage.stop()
    assert (peer.octets, peer.end, deaf.end) == (b"last words", "ConnectionDone", "ConnectionLost")


# Back-pressure


def test_a_peer_that_does_not_read_is_dropped() -> None:
    """At 256 KiB; its watchers are told, its memory is freed."""
    stage = Stage()
    peer = stage.connect(reads=False)
    peer.send(tcp())
    flow = stage.watched(stage.got[0][1])
    taken = 0
    while not flow.closed:
        flow.send(b"n" * 10_000)
        taken += 10_000
        assert stage.lost == []
    assert 256 * 1024 < taken <= 256 * 1024 + 64 * 1024 + 20_000
    stage.network.settle()
    assert [reason(error) for error in stage.lost] == [(SendFailed, "the peer does not read")]
    assert peer.end == "ConnectionLost"
    assert stage.layer.counters == Counters(overflowed=1)
    assert stage.clock.getDelayedCalls() == []


def test_a_slow_peer_gets_everything_in_order() -> None:
    """What waited is written when it reads again."""
    stage = Stage()
    peer = stage.connect(reads=False)
    peer.send(tcp())
    flow = stage.got[0][1]
    pieces = [b"%05d" % n * 2000 for n in range(25)]
    for piece in pieces:
        flow.send(piece)
    peer.transport.resumeProducing()
    stage.network.settle()
    assert peer.octets == b"".join(pieces)
    assert not flow.closed
