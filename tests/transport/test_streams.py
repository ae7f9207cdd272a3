"""Connections of ours, and the use of those that are there."""

from __future__ import annotations

import pytest

from sipapp.errors import ConnectFailed, SendFailed
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop
from sipapp.transport.limits import Counters
from tests.transport.stage import HERE, PEER, Stage, request

TCP = f"SIP/2.0/TCP {PEER}:5060;branch=z9hG4bK1"


def tcp(**changes: object) -> bytes:
    """A request that came by TCP."""
    return request(TCP, **changes)  # type: ignore[arg-type]


def reason(error: Exception) -> tuple[type[Exception], str]:
    """What an error says."""
    return type(error), str(error)


def test_a_new_flow_queues_until_it_is_connected() -> None:
    """``flow_to`` does not wait, and neither does ``send``."""
    stage = Stage()
    stage.network.delay = 0.1
    peers = stage.accept((PEER, 5060))
    flow = stage.layer.flow_to(Hop("TCP", PEER, 5060))
    flow.send(tcp())
    flow.send(tcp(body=b"x"))
    assert peers == []
    stage.clock.pump([0.1] * 3)
    assert [peer.octets for peer in peers] == [tcp() + tcp(body=b"x")]
    assert flow.remote == (PEER, 5060)
    assert peers[0].transport.peer[0] == HERE
    assert flow.sent_by == f"{HERE}:5060"
    stage.stop()


def test_what_waits_for_a_connection_is_bounded() -> None:
    """The same 256 KiB."""
    stage = Stage()
    stage.network.switch_off(PEER)
    flow = stage.watched(stage.layer.flow_to(Hop("TCP", PEER, 5060)))
    for _ in range(27):
        flow.send(b"x" * 10_000)
    stage.network.settle()
    assert [reason(error) for error in stage.lost] == [(SendFailed, "the peer does not read")]
    assert stage.layer.counters == Counters(overflowed=1)
    stage.stop()


@pytest.mark.parametrize(
    ("silent", "seconds", "said"),
    [(False, 0.0, "Connection was refused by other side."), (True, 10.0, "User timeout caused")],
)
def test_a_connection_that_fails_is_reported_once(silent: bool, seconds: float, said: str) -> None:
    """To the watchers; refused at once, a black hole after 10 s."""
    stage = Stage()
    stage.network.switch_off(PEER, off=silent)
    flow = stage.watched(stage.layer.flow_to(Hop("TCP", PEER, 5060)))
    flow.send(tcp())
    stage.clock.pump([seconds, 0])
    [error] = stage.lost
    assert isinstance(error, ConnectFailed)
    assert said in str(error)
    assert flow.closed
    assert stage.layer.flow_to(Hop("TCP", PEER, 5060)) is not flow


def test_one_connection_carries_requests_both_ways() -> None:
    """The one accepted from there, or opened to there (RFC 3261 18.1.1)."""
    stage = Stage()
    peer = stage.connect((PEER, 6000))
    peer.send(tcp())
    accepted = stage.got[0][1]
    assert stage.layer.flow_to(Hop("TCP", PEER, 6000)) is accepted
    peers = stage.accept((PEER, 5060))
    opened = stage.layer.flow_to(Hop("TCP", PEER, 5060))
    assert opened is not accepted
    assert stage.layer.flow_to(Hop("TCP", PEER, 5060)) is opened
    stage.network.settle()
    peers[0].send(tcp(method="MESSAGE"))
    assert stage.got[1] == (tcp(method="MESSAGE"), opened)
    stage.stop()


def test_a_connection_is_not_found_by_what_its_peer_says_it_is() -> None:
    """Plain TCP proves no sent-by (RFC 5923 5)."""
    stage = Stage()
    peer = stage.connect((PEER, 6000))
    peer.send(request("SIP/2.0/TCP 203.0.113.5:5060;branch=z9hG4bK1"))
    flow: Flow = stage.layer.flow_to(Hop("TCP", "203.0.113.5", 5060))
    assert flow is not stage.got[0][1]


@pytest.mark.parametrize("accepted", [True, False])
def test_a_connection_that_its_peer_leaves_is_not_used_again(accepted: bool) -> None:
    """Neither for new requests nor, if we opened it, for anything."""
    stage = Stage()
    if accepted:
        peer = stage.connect((PEER, 5060))
        peer.send(tcp())
    else:
        peers = stage.accept((PEER, 5060))
        stage.layer.flow_to(Hop("TCP", PEER, 5060))
        stage.network.settle()
        [peer] = peers
    flow = stage.layer.flow_to(Hop("TCP", PEER, 5060))
    peer.transport.loseWriteConnection()
    stage.network.settle()
    assert flow.closed is not accepted
    assert stage.layer.flow_to(Hop("TCP", PEER, 5060)) is not flow
