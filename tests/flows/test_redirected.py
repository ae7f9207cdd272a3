"""A server that says where to go, and a proxy that goes there itself."""

from __future__ import annotations

from sipapp.app.config.values import ProxySettings
from sipapp.app.testing import Lab
from sipapp.app.testing.phone import SDP
from tests.flows.calls import branch, hang_up

MOVED = {"redirect": {"table": {"bob": "sip:bob@198.51.100.2:5060"}}}


def test_a_redirected_call() -> None:
    """RFC 3261 8.1.3.4, 8.3, 17.1.1.3 [F2] [R03] [E02] [E06].

    The 302 ends the first INVITE: its ACK has the same branch and number. The second INVITE
    keeps Call-ID and From tag and counts on.
    """
    with Lab(apps=["redirect"], sections=MOVED) as lab:
        alice, bob = lab.phone("alice"), lab.phone("bob")
        first = alice.invite("bob")
        lab.advance()
        moved = alice.take_response(302)
        ack = alice.acknowledge_failure(first, moved)
        lab.advance(6)
        assert (moved.reason, moved.headers.get_all("Contact")) == (
            "Moved Temporarily",
            [b"<sip:bob@198.51.100.2:5060>"],
        )
        assert (branch(ack), ack.cseq.number) == (branch(first), 1)
        assert alice.inbox == []
        alice.server = bob.address
        second = alice.request(
            "INVITE",
            "sip:bob@198.51.100.2:5060",
            to="sip:bob@example.test",
            call_id=first.call_id,
            cseq=2,
            body=SDP,
        )
        second_from = second.headers.get("From")
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.server = alice.address
        bob.respond(arrived, 200, body=SDP)
        lab.advance()
        dialog = alice.acknowledge(second, alice.take_response(200))
        hang_up(lab, alice, dialog, bob)
        assert (arrived.call_id, arrived.cseq.number) == (first.call_id, 2)
        assert second_from is not None
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 302 INVITE",
            "alice -> server ACK",
            "alice -> bob INVITE",
            "bob -> alice 200 INVITE",
            "alice -> bob ACK",
            "alice -> bob BYE",
            "bob -> alice 200 BYE",
        ]


def test_the_contacts_of_a_registered_user_are_told() -> None:
    """RFC 3261 8.3: what the location service knows, the preferred one first [R03] [R06]."""
    sections = {"redirect": {"prefix": "where-"}}
    with Lab(apps=["registrar", "redirect", "proxy"], sections=sections) as lab:
        lab.registered("bob", q=0.3)
        lab.registered("bob", q=0.9)
        alice = lab.phone("alice")
        invite = alice.invite("where-bob")
        lab.advance()
        moved = alice.take_response(302)
        alice.acknowledge_failure(invite, moved)
        lab.advance()
        assert moved.headers.elements("Contact") == [
            b"<sip:bob@198.51.100.2:5060>;q=0.9",
            b"<sip:bob@198.51.100.1:5060>;q=0.3",
        ]


def test_a_phone_can_redirect_and_the_caller_is_told() -> None:
    """RFC 3261 16.7 step 4: without recursion a 302 is an answer like any other [R03]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        contact = [("Contact", b"<sip:bob@far.test>")]
        bob.respond(bob.take_request("INVITE"), 302, extra=contact)
        lab.advance()
        moved = alice.take_response(302)
        alice.acknowledge_failure(invite, moved)
        lab.advance()
        assert moved.headers.get_all("Contact") == [b"<sip:bob@far.test>"]
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob INVITE",
            "bob -> server 302 INVITE",
            "server -> bob ACK",
            "server -> alice 302 INVITE",
            "alice -> server ACK",
        ]


def test_a_proxy_follows_a_redirection() -> None:
    """RFC 3261 16.7 step 4: with recursion the caller does not hear of the 302 [R04]."""
    with Lab(proxy=ProxySettings(recurse=True)) as lab:
        bob, carol, alice = lab.registered("bob"), lab.phone("carol"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        bob.respond(bob.take_request("INVITE"), 302, extra=[("Contact", carol.contact)])
        lab.advance()
        arrived = carol.take_request("INVITE")
        carol.respond(arrived, 200, body=SDP)
        lab.advance()
        alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        assert arrived.raw_uri == b"sip:carol@198.51.100.2:5060"
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob INVITE",
            "bob -> server 302 INVITE",
            "server -> bob ACK",
            "server -> carol INVITE",
            "carol -> server 200 INVITE",
            "server -> alice 200 INVITE",
            "alice -> server ACK",
            "server -> carol ACK",
        ]


def test_a_redirection_in_a_circle_ends() -> None:
    """RFC 3261 16.5: no target is tried twice, so the second 302 is the answer."""
    with Lab(proxy=ProxySettings(recurse=True)) as lab:
        bob, carol, alice = lab.registered("bob"), lab.phone("carol"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        bob.respond(bob.take_request("INVITE"), 302, extra=[("Contact", carol.contact)])
        lab.advance()
        carol.respond(carol.take_request("INVITE"), 302, extra=[("Contact", bob.contact)])
        lab.advance()
        assert alice.heard == ["100", "302"]
        assert bob.heard == ["ACK"]
