"""What becomes of a message that the layers above cannot live with."""

from __future__ import annotations

from sipapp.errors import MessageError
from sipapp.transport.limits import Counters
from tests.transport.stage import PEER, Stage, request, response


def test_a_field_found_broken_above_is_answered_400() -> None:
    """RFC 3261 21.4.1: whoever looks at it first; it never reaches the socket as an exception."""
    stage = Stage()
    stage.fault = MessageError("Route", "is broken")
    stage.udp(request())
    [(transport, _, remote, answer)] = stage.sent()
    assert (transport, remote, answer.partition(b"\r\n")[0]) == (
        "UDP",
        (PEER, 5060),
        b"SIP/2.0 400 Bad Route",
    )
    assert (stage.raised, stage.layer.counters) == ([], Counters(refused=1))


def test_a_via_with_two_maddr_is_answered_400() -> None:
    """RFC 3261 7.3.1: no parameter twice. Nobody looks at this one before the answer is sent."""
    stage = Stage()
    via = f"SIP/2.0/UDP {PEER}:5060;branch=z9hG4bK1;maddr=203.0.113.7;maddr=203.0.113.8"
    stage.udp(request(via))
    flow = stage.got[0][1]
    stage.fault = MessageError("Via", "a parameter appears twice")
    stage.udp(request(via))
    [(_, _, remote, answer)] = stage.sent()
    assert (remote, answer.partition(b"\r\n")[0]) == (flow.remote, b"SIP/2.0 400 Bad Via")


def test_a_response_or_an_ack_found_broken_above_is_dropped() -> None:
    """RFC 3261 17: neither is ever answered."""
    stage = Stage()
    stage.fault = MessageError("Contact", "is broken")
    stage.udp(response())
    stage.udp(request(method="ACK"))
    assert (stage.sent(), stage.raised) == ([], [])
    assert stage.layer.counters == Counters(malformed=2)
