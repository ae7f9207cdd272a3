"""The proxy without transactions (RFC 3261 16.11)."""

from __future__ import annotations

import pytest

from sipapp.app.config.values import ProxySettings
from sipapp.app.testing import Lab
from sipapp.app.testing.phone import SDP
from sipapp.message.message import response_to
from tests.flows.calls import branch, call_and_hang_up, established, hang_up, ring

STATELESS = ProxySettings(stateless=True)


def test_a_call() -> None:
    """No 100, no state; the dialog keeps to the recorded route [R04]."""
    with Lab(proxy=STATELESS) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite, arrived = ring(lab, alice, bob)
        bob.respond(arrived, 200, body=SDP)
        lab.advance()
        final = alice.take_response(200)
        dialog = alice.acknowledge(invite, final)
        lab.advance()
        assert (bob.take_request("ACK").routes, final.body) == ([], SDP)
        hang_up(lab, alice, dialog, bob)
        transactions = lab.server.transactions
        assert transactions.client_count == 0
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> bob INVITE",
            "bob -> server 180 INVITE",
            "server -> alice 180 INVITE",
            "bob -> server 200 INVITE",
            "server -> alice 200 INVITE",
            "alice -> server ACK",
            "server -> bob ACK",
            "alice -> server BYE",
            "server -> bob BYE",
            "bob -> server 200 BYE",
            "server -> alice 200 BYE",
        ]


def test_repeats_get_the_same_branch() -> None:
    """RFC 3261 16.11: so that the phone knows them as repeats."""
    with Lab(proxy=STATELESS) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob")
        alice.send(invite)
        lab.advance()
        first, again = bob.take_request("INVITE"), bob.take_request("INVITE")
        alice.invite("bob")
        lab.advance()
        other = bob.take_request("INVITE")
        assert first.to_bytes() == again.to_bytes()
        assert branch(other) != branch(first)


def test_an_ack_of_a_failure_and_a_cancel_follow_their_invite() -> None:
    """RFC 3261 16.11: the branch depends on that of the caller, so both match at the phone."""
    with Lab(proxy=STATELESS) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite, arrived = ring(lab, alice, bob)
        alice.cancel(invite)
        lab.advance()
        cancel = bob.take_request("CANCEL")
        bob.respond(cancel, 200)
        bob.respond(arrived, 487)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(487))
        lab.advance()
        ack = bob.take_request("ACK")
        assert branch(cancel) == branch(ack) == branch(arrived)


def test_the_callee_ends_the_call() -> None:
    """RFC 3261 16.11: the way back is the same."""
    with Lab(proxy=STATELESS) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        _, callees = established(lab, alice, bob)
        assert hang_up(lab, bob, callees, alice).routes == []


def test_refusals_are_stateless_and_alike() -> None:
    """RFC 3261 8.2.7, 16.3: a repeated request gets the same answer, To tag included."""
    with Lab(proxy=STATELESS) as lab:
        alice = lab.phone("alice")
        invite = alice.build("INVITE", "sip:bob@example.test")
        invite.set_header("Max-Forwards", b"0")
        for _ in range(2):
            alice.send(invite)
        lab.advance(40)
        first, again = alice.take_response(483), alice.take_response(483)
        assert first.to_bytes() == again.to_bytes()
        assert lab.scene() == [
            "alice -> server INVITE",
            "alice -> server INVITE",
            "server -> alice 483 INVITE",
            "server -> alice 483 INVITE",
        ]


def test_it_needs_who_it_serves_to_log_in() -> None:
    """RFC 3261 22.3: a challenge needs no transaction."""
    with Lab(proxy=STATELESS, users={"bob": "builder"}) as lab:
        bob, alice = lab.registered("bob", password="builder"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        assert (alice.heard, bob.heard) == (["407"], [])


@pytest.mark.parametrize(
    "change",
    [
        (b";branch=z9hG4bK", b";branch=z9hG4bKforged"),
        (b"198.51.100.2:5060", b"198.51.100.66:5060"),
        (b";branch=z9hG4bK-alice1", b";branch=z9hG4bK-alice1;received=198.51.100.66"),
    ],
)
def test_nobody_reflects_datagrams_off_it(change: tuple[bytes, bytes]) -> None:
    """RFC 3261 16.11: an answer goes back the way its request came, and nowhere else."""
    with Lab(proxy=STATELESS) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request("MESSAGE", "sip:bob@example.test")
        lab.advance()
        answer = response_to(bob.take_request("MESSAGE"), 200, to_tag="b").to_bytes()
        lab.scene()
        assert answer.replace(*change) != answer
        bob.send(answer.replace(*change))
        lab.advance()
        assert lab.scene() == ["bob -> server 200 MESSAGE"]
        bob.send(answer)
        lab.advance()
        assert alice.heard == ["200"]


def test_a_peer_without_branches() -> None:
    """RFC 3261 16.11, 17.2.3: an RFC 2543 client gets one branch for all repeats."""
    with Lab(proxy=STATELESS) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        message = alice.build("MESSAGE", "sip:bob@example.test")
        message.set_header("Via", b"SIP/2.0/UDP 198.51.100.2:5060")
        for _ in range(2):
            alice.send(message)
        lab.advance()
        first, again = bob.take_request("MESSAGE"), bob.take_request("MESSAGE")
        assert branch(first) == branch(again)
        bob.respond(first, 200)
        lab.advance()
        assert alice.heard == ["200"]


def test_connections() -> None:
    """RFC 3261 18.2.2: without state an answer goes where the Via says, by TCP too [T01]."""
    with Lab(proxy=STATELESS) as lab:
        bob = lab.registered("bob", transport="TCP")
        alice = lab.phone("alice", transport="TCP")
        call_and_hang_up(lab, alice, bob, caller_ends=True)
