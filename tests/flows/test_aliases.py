"""Users who are reached at other users, and other names of the server in a request."""

from __future__ import annotations

import pytest

from sipapp.app.application import Application
from sipapp.app.config.values import ProxySettings
from sipapp.app.interfaces import ICall
from sipapp.app.testing import Lab
from sipapp.app.testing.phone import SDP
from sipapp.core.target import Target
from sipapp.message.uri import parse_uri
from tests.flows.calls import bind


class Forward(Application):
    """Sends every call to Carol."""

    async def call(self, call: ICall) -> None:
        """Name her by her address of record."""
        await call.proxy([Target(parse_uri(b"sip:carol@example.test"))])


def test_a_binding_may_be_another_user() -> None:
    """RFC 3261 16.5: her phones ring; nothing is looked up or sent to ourselves. [R04] [R06]"""
    with Lab() as lab:
        carol, alice = lab.registered("carol"), lab.phone("alice")
        bind(lab, lab.phone("bob"), "<sip:carol@example.test>")
        invite = alice.invite("bob")
        lab.advance()
        carol.respond(carol.take_request("INVITE"), 200, body=SDP)
        lab.advance()
        alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> carol INVITE",
            "carol -> server 200 INVITE",
            "server -> alice 200 INVITE",
            "alice -> server ACK",
            "server -> carol ACK",
        ]
        assert lab.zone.asked == []


def test_the_order_of_another_user_counts() -> None:
    """RFC 3261 16.6: Bob's own phone, then Carol's by her own q; nobody rings twice."""
    with Lab() as lab:
        bob, alice = lab.registered("bob", q=0.9), lab.phone("alice")
        carol1, carol2 = lab.registered("carol", q=0.2), lab.registered("carol", q=0.8)
        bind(lab, bob, "<sip:carol@example.test>;q=0.5", "<sip:carol@192.0.2.10:5060>;q=0.4")
        bind(lab, carol1, "<sip:bob@example.test>;q=0.1")
        invite = alice.invite("bob")
        for phone in (bob, carol2, carol1):
            lab.advance()
            phone.respond(phone.take_request("INVITE"), 486)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(486))
        lab.advance(1)
        assert [line for line in lab.scene() if "INVITE" in line] == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob INVITE",
            "bob -> server 486 INVITE",
            "server -> carol2 INVITE",
            "carol2 -> server 486 INVITE",
            "server -> carol INVITE",
            "carol -> server 486 INVITE",
            "server -> alice 486 INVITE",
        ]


def test_users_of_equal_q_ring_together() -> None:
    """RFC 3261 16.6: all of their phones."""
    with Lab() as lab:
        carol1, carol2 = lab.registered("carol", q=0.2), lab.registered("carol", q=0.8)
        dora, alice = lab.registered("dora"), lab.phone("alice")
        bind(lab, lab.phone("bob"), "<sip:carol@example.test>", "<sip:dora@example.test>")
        alice.invite("bob")
        lab.advance()
        assert [phone.heard for phone in (carol1, carol2, dora)] == [["INVITE"]] * 3


@pytest.mark.parametrize("contact", ["sip:bob@example.test", "sip:carol@example.test"])
def test_who_is_nowhere_in_the_end_is_not_there(contact: str) -> None:
    """Bob at Bob, and at Carol who is not there: 404 as without a binding, and no packet."""
    with Lab() as lab:
        alice = lab.phone("alice")
        bind(lab, lab.phone("bob"), f"<{contact}>")
        invite = alice.invite("bob")
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(404))
        lab.advance()
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 404 INVITE",
            "alice -> server ACK",
        ]


def test_an_application_may_name_a_user() -> None:
    """A forwarded call needs no address of a phone."""
    with Lab(apps=["registrar", Forward]) as lab:
        carol, alice = lab.registered("carol"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        assert carol.take_request("INVITE").raw_uri == carol.contact[1:-1]


def test_a_redirection_may_name_a_user() -> None:
    """RFC 3261 16.7 step 4: a phone that forwards to Carol by her address of record."""
    with Lab(proxy=ProxySettings(recurse=True)) as lab:
        bob, carol = lab.registered("bob"), lab.registered("carol")
        alice = lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        bob.respond(
            bob.take_request("INVITE"), 302, extra=[("Contact", b"<sip:carol@example.test>")]
        )
        lab.advance()
        assert carol.take_request("INVITE").raw_uri == carol.contact[1:-1]


def test_a_route_may_name_the_domain() -> None:
    """RFC 3261 16.4: how phones write an outbound proxy that was typed in as a name."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        for route in (b"<sip:example.test;lr>", b"<sip:EXAMPLE.test:5060;lr>"):
            alice.invite("bob", extra=[("Route", route)])
            lab.advance()
            assert bob.take_request("INVITE").routes == []
        alice.invite("bob", extra=[("Route", b"<sip:example.test:5070;lr>")])
        lab.advance()
        assert bob.inbox == []
        assert lab.zone.asked == [("A", "example.test")]


def test_maddr_of_ours_is_stripped() -> None:
    """RFC 3261 16.4: with the port and the transport that the request came by."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        for address in ("example.test;maddr=192.0.2.10", "elsewhere.test;maddr=example.test"):
            alice.request("INVITE", f"sip:bob@{address}", body=SDP)
        lab.advance()
        assert bob.take_request("INVITE").raw_uri == bob.contact[1:-1]
        assert bob.inbox == []
        assert lab.zone.asked[:1] == [("NAPTR", "elsewhere.test")]


def test_maddr_of_ours_counts_where_it_says() -> None:
    """RFC 3261 16.4: a transport other than the request's leads back here once more, by that."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request("MESSAGE", "sip:bob@example.test:5060;transport=tcp;maddr=192.0.2.10")
        lab.advance()
        assert bob.take_request("MESSAGE").raw_uri == bob.contact[1:-1]
        assert lab.scene()[-3:] == [
            "TCP server -> server SYN",
            "TCP server -> server MESSAGE",
            "server -> bob MESSAGE",
        ]


def test_another_maddr_is_the_only_target() -> None:
    """RFC 3261 16.5: whoever it names decides about the user, not we."""
    with Lab() as lab:
        bob, carol, alice = lab.registered("bob"), lab.phone("carol"), lab.phone("alice")
        uri = f"sip:bob@example.test;maddr={carol.address[0]}"
        alice.request("INVITE", uri, body=SDP)
        lab.advance()
        assert carol.take_request("INVITE").raw_uri == uri.encode()
        assert bob.inbox == []
