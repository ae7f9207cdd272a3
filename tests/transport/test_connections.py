"""All connections together: whom there is room for."""

from __future__ import annotations

from sipapp.message.stream import StreamLimits
from sipapp.transport.limits import Counters, Limits
from tests.transport.stage import PEER, Stage, request

TCP = f"SIP/2.0/TCP {PEER}:5060;branch=z9hG4bK1"


def tcp(**changes: object) -> bytes:
    """A request that came by TCP."""
    return request(TCP, **changes)  # type: ignore[arg-type]


def reason(error: Exception) -> tuple[type[Exception], str]:
    """What an error says."""
    return type(error), str(error)


def test_silent_connections_cannot_keep_a_new_one_out() -> None:
    """At 100 of a source, the oldest that has carried nothing makes room. The 250th is served."""
    stage = Stage()
    working = stage.connect()
    working.send(tcp())
    silent = [stage.connect() for _ in range(250)]
    newest = stage.connect()
    newest.send(tcp())
    assert stage.take() == [tcp(), tcp()]
    assert [peer.end for peer in (working, newest)] == ["", ""]
    assert [peer.end for peer in silent] == ["ConnectionLost"] * 152 + [""] * 98
    assert stage.layer.counters == Counters(evicted=152)
    for peer in (working, newest, *silent):
        peer.transport.abortConnection()
    stage.network.settle()
    assert stage.clock.getDelayedCalls() == []


def test_connections_that_work_are_not_thrown_out() -> None:
    """Then it is the new one that is not accepted; other sources are."""
    stage = Stage(limits=Limits(per_source=2))
    peers = [stage.connect() for _ in range(2)]
    for peer in peers:
        peer.send(tcp())
    late = stage.connect()
    other = stage.connect(("198.51.100.2", 0))
    assert [peer.end for peer in (*peers, late, other)] == ["", "", "ConnectionLost", ""]
    assert stage.layer.counters == Counters(rejected=1)
    peers[0].transport.abortConnection()
    stage.network.settle()
    assert stage.connect().end == ""


def test_connections_on_their_way_out_make_room() -> None:
    """Half-closed ones wait 5 s for late answers; they keep nobody out meanwhile."""
    stage = Stage(limits=Limits(per_source=2))
    leaving, working = (stage.connect() for _ in range(2))
    for peer in (leaving, working):
        peer.send(tcp())
    leaving.transport.loseWriteConnection()
    leaving.settle()
    new = stage.connect()
    assert [peer.end for peer in (leaving, working, new)] == ["ConnectionLost", "", ""]
    assert stage.layer.counters == Counters(evicted=1)
    stage.stop()


def test_the_total_is_capped_too() -> None:
    """Over all sources, by the same rule."""
    stage = Stage(limits=Limits(connections=2))
    first, second, third = (stage.connect((f"198.51.100.{n}", 0)) for n in range(3))
    assert [peer.end for peer in (first, second, third)] == ["ConnectionLost", "", ""]
    assert stage.layer.counters == Counters(evicted=1)


def test_limits_of_a_message_are_those_given() -> None:
    """``Limits.stream`` goes to the parser."""
    stage = Stage(limits=Limits(stream=StreamLimits(max_body=4)))
    peer = stage.connect()
    assert peer.send(tcp(body=b"hello")).startswith(b"SIP/2.0 413 ")
