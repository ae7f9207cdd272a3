"""The caller gives up: CANCEL, and everything that it can cross on its way (RFC 3261 9, 16.10)."""

from __future__ import annotations

from sipapp.app.testing import Lab
from sipapp.app.testing.phone import SDP
from tests.flows.calls import branch, ring


def test_cancel_while_it_rings() -> None:
    """RFC 3261 9.1, 9.2, 16.10: hop by hop; the INVITE ends in 487 [M05] [M01]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite, arrived = ring(lab, alice, bob)
        alice.cancel(invite)
        lab.advance()
        cancel = bob.take_request("CANCEL")
        bob.respond(cancel, 200)
        bob.respond(arrived, 487)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(487))
        lab.advance(40)
        assert (branch(cancel), cancel.cseq.number) == (branch(arrived), arrived.cseq.number)
        assert len(cancel.vias) == 1
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob INVITE",
            "bob -> server 180 INVITE",
            "server -> alice 180 INVITE",
            "alice -> server CANCEL",
            "server -> alice 200 CANCEL",
            "server -> bob CANCEL",
            "bob -> server 200 CANCEL",
            "bob -> server 487 INVITE",
            "server -> bob ACK",
            "server -> alice 487 INVITE",
            "alice -> server ACK",
        ]


def test_cancel_waits_for_a_provisional_answer() -> None:
    """RFC 3261 9.1: before a 1xx the next hop may not know the INVITE yet [M05]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        arrived = bob.take_request("INVITE")
        alice.cancel(invite)
        lab.advance(0.1)
        assert (alice.heard, bob.heard) == (["100", "200"], [])
        bob.respond(arrived, 100)
        lab.advance()
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(arrived, 487)
        lab.advance()
        assert alice.heard == ["100", "200", "487"]
        assert bob.heard == ["ACK"]


def test_cancel_crosses_the_200_behind_the_server() -> None:
    """RFC 3261 16.7 step 5: the 200 wins, although the caller has given up [M05]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite, arrived = ring(lab, alice, bob)
        lab.scene()
        alice.cancel(invite)  # arrives first
        bob.respond(arrived, 200, body=SDP)
        lab.advance()
        bob.respond(bob.take_request("CANCEL"), 200)
        dialog = alice.acknowledge(invite, alice.take_response(200, "INVITE"))
        alice.in_dialog(dialog, "BYE")
        lab.advance()
        bob.respond(bob.take_request("BYE"), 200)
        lab.advance(40)
        assert lab.scene() == [
            "alice -> server CANCEL",
            "bob -> server 200 INVITE",
            "server -> alice 200 CANCEL",
            "server -> bob CANCEL",
            "server -> alice 200 INVITE",
            "bob -> server 200 CANCEL",
            "alice -> server ACK",
            "alice -> server BYE",
            "server -> bob ACK",
            "server -> bob BYE",
            "bob -> server 200 BYE",
            "server -> alice 200 BYE",
        ]


def test_cancel_crosses_the_200_before_the_server() -> None:
    """RFC 3261 9.2: after the final answer a CANCEL has no effect but its own 200 [M05]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite, arrived = ring(lab, alice, bob)
        lab.scene()
        bob.respond(arrived, 200, body=SDP)  # arrives first
        alice.cancel(invite)
        lab.advance()
        assert bob.heard == []
        assert lab.scene() == [
            "bob -> server 200 INVITE",
            "alice -> server CANCEL",
            "server -> alice 200 INVITE",
            "server -> alice 200 CANCEL",
        ]


def test_cancel_crosses_a_failure() -> None:
    """RFC 3261 16.10: the branch had failed by itself; the caller gets one final answer [M05]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite, arrived = ring(lab, alice, bob)
        lab.scene()
        alice.cancel(invite)
        bob.respond(arrived, 486)
        lab.advance()
        bob.respond(bob.take_request("CANCEL"), 481)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(487))
        lab.advance(40)
        assert lab.scene() == [
            "alice -> server CANCEL",
            "bob -> server 486 INVITE",
            "server -> alice 200 CANCEL",
            "server -> bob CANCEL",
            "server -> bob ACK",
            "server -> alice 487 INVITE",
            "bob -> server 481 CANCEL",
            "alice -> server ACK",
        ]


def test_cancel_ends_every_branch_and_starts_none() -> None:
    """RFC 3261 16.10: also those that a lower q would have got [M05] [R04]."""
    with Lab() as lab:
        bobs = [lab.registered("bob", q=q) for q in (0.9, 0.9, 0.1)]
        alice = lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        arrived = [bob.take_request("INVITE") for bob in bobs[:2]]
        for bob, request in zip(bobs, arrived, strict=False):
            bob.respond(request, 180)
        lab.advance()
        lab.scene()
        alice.cancel(invite)
        lab.advance()
        for bob, request in zip(bobs, arrived, strict=False):
            bob.respond(bob.take_request("CANCEL"), 200)
            bob.respond(request, 487)
        lab.advance()
        assert lab.scene() == [
            "alice -> server CANCEL",
            "server -> alice 200 CANCEL",
            "server -> bob2 CANCEL",
            "server -> bob CANCEL",
            "bob -> server 200 CANCEL",
            "bob -> server 487 INVITE",
            "bob2 -> server 200 CANCEL",
            "bob2 -> server 487 INVITE",
            "server -> bob ACK",
            "server -> bob2 ACK",
            "server -> alice 487 INVITE",
        ]
        assert bobs[2].heard == []


def test_cancel_of_nothing() -> None:
    """RFC 3261 9.2: 481 without a transaction to match [M05]."""
    with Lab() as lab:
        alice = lab.phone("alice")
        alice.cancel(alice.build("INVITE", "sip:bob@example.test"))
        lab.advance()
        assert lab.scene() == ["alice -> server CANCEL", "server -> alice 481 CANCEL"]


def test_cancel_while_dns_is_asked() -> None:
    """RFC 3261 16.10: there is no branch yet, and there will be none [M05]."""
    with Lab() as lab:
        lab.zone.add("far.test 60 IN A 198.51.100.99")
        lab.zone.delays["far.test"] = 5.0
        alice = lab.phone("alice")
        invite = alice.request("INVITE", "sip:bob@far.test")
        lab.advance(1)
        alice.cancel(invite)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(487))
        lab.advance(40)
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "alice -> server CANCEL",
            "server -> alice 200 CANCEL",
            "server -> alice 487 INVITE",
            "alice -> server ACK",
        ]


def test_a_repeated_cancel_is_answered_and_goes_no_further() -> None:
    """RFC 3261 9.2, 17.2.2: the CANCEL is a transaction of its own on each hop [M05]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite, _ = ring(lab, alice, bob)
        alice.cancel(invite)
        alice.cancel(invite)
        lab.advance()
        assert alice.heard == ["100", "180", "200", "200"]
        assert bob.heard == ["CANCEL"]
