"""Two phones and no server between them: the shortest call there is."""

from __future__ import annotations

import pytest

from sipapp.app.testing import Lab, Phone
from sipapp.app.testing.phone import SDP
from tests.flows.calls import branch, hang_up


def two_phones(lab: Lab) -> tuple[Phone, Phone]:
    """Phones that send to each other."""
    alice, bob = lab.phone("alice"), lab.phone("bob")
    alice.server, bob.server = bob.address, alice.address
    return alice, bob


def test_three_datagrams_set_up_a_call() -> None:
    """Without a 1xx nothing but INVITE, 200 and ACK is needed [F1] [E13]."""
    with Lab() as lab:
        alice, bob = two_phones(lab)
        invite = alice.invite("bob")
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 200, body=SDP)
        lab.advance()
        final = alice.take_response(200)
        dialog = alice.acknowledge(invite, final)
        lab.advance()
        assert lab.scene() == ["alice -> bob INVITE", "bob -> alice 200 INVITE", "alice -> bob ACK"]
        assert (arrived.body, final.body) == (SDP, SDP)
        ack = bob.take_request("ACK")
        assert branch(ack) != branch(arrived)
        hang_up(lab, alice, dialog, bob)
        assert lab.scene() == ["alice -> bob BYE", "bob -> alice 200 BYE"]


def test_a_late_offer_takes_three_datagrams_too() -> None:
    """RFC 3261 13.2.1: the offer is in the 200, its answer in the ACK [F1] [E13]."""
    with Lab() as lab:
        alice, bob = two_phones(lab)
        invite = alice.invite("bob", body=b"")
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 200, body=SDP)
        lab.advance()
        final = alice.take_response(200)
        alice.acknowledge(invite, final, body=SDP)
        lab.advance()
        assert lab.scene() == ["alice -> bob INVITE", "bob -> alice 200 INVITE", "alice -> bob ACK"]
        assert [arrived.body, final.body, bob.take_request("ACK").body] == [b"", SDP, SDP]


@pytest.mark.parametrize("caller_ends", [True, False])
def test_a_call_with_ringing_and_its_end(caller_ends: bool) -> None:
    """Ringing is one datagram more; either side may end the call [F1] [M01]."""
    with Lab() as lab:
        alice, bob = two_phones(lab)
        invite = alice.invite("bob")
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 180)
        answer = bob.respond(arrived, 200, body=SDP)
        lab.advance()
        dialog = alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        if caller_ends:
            hang_up(lab, alice, dialog, bob)
        else:
            hang_up(lab, bob, bob.callee_dialog(arrived, answer), alice)
        first, second = ("alice", "bob") if caller_ends else ("bob", "alice")
        assert lab.scene() == [
            "alice -> bob INVITE",
            "bob -> alice 180 INVITE",
            "bob -> alice 200 INVITE",
            "alice -> bob ACK",
            f"{first} -> {second} BYE",
            f"{second} -> {first} 200 BYE",
        ]
