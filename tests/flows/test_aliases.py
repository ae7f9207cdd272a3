"""Users who are reached at other users, and other names of the server in a request."""

from __future__ import annotations

from dataclasses import replace

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
    """Sends every call to Carol, some to Dora at the same time, or to an exchange that has her."""

    async def call(self, call: ICall) -> None:
        """Name them by their addresses of record."""
        carol = Target(parse_uri(b"sip:carol@example.test"))
        dora = Target(parse_uri(b"sip:dora@example.test"))
        if b"both" in call.request.raw_uri:
            await call.proxy([[carol, dora]])
        elif b"pbx" in call.request.raw_uri:
            await call.proxy([replace(carol, next_hop=call.request.to.uri)])
        else:
            await call.proxy([carol])


def test_a_binding_that_is_another_user_leads_nowhere() -> None:
    """It would call around what the applications do for her; an application may forward instead."""
    with Lab() as lab:
        bob, carol, alice = (
            lab.registered("bob", q=0.1),
            lab.registered("carol"),
            lab.phone("alice"),
        )
        bind(lab, bob, "<sip:carol@example.test>", "<sip:carol@192.0.2.10:5060>;q=0.5")
        alice.invite("bob")
        lab.advance()
        assert (bob.heard, carol.inbox) == (["INVITE"], [])
        assert lab.zone.asked == []


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


def test_users_ring_in_the_order_of_their_bindings() -> None:
    """RFC 3261 16.6: one alone by q; several of a group all at once."""
    with Lab(apps=["registrar", Forward]) as lab:
        carol1, carol2 = lab.registered("carol", q=0.2), lab.registered("carol", q=0.8)
        dora, alice = lab.registered("dora"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        assert (carol1.heard, carol2.heard) == ([], ["INVITE"])
        alice.invite("both")
        lab.advance()
        assert [phone.heard for phone in (carol1, carol2, dora)] == [
            ["INVITE"],
            ["INVITE", "INVITE"],
            ["INVITE"],
        ]


def test_a_next_hop_is_where_a_target_goes() -> None:
    """An exchange behind this server that has the same domain."""
    with Lab(apps=["registrar", Forward]) as lab:
        lab.registered("carol")
        pbx, alice = lab.phone("pbx"), lab.phone("alice")
        alice.invite("pbx", to=f"sip:{pbx.address[0]}")
        lab.advance()
        assert pbx.take_request("INVITE").raw_uri == b"sip:carol@example.test"


def test_a_redirection_to_a_user_is_the_caller_s() -> None:
    """The 302 goes back, and the call that follows meets the applications."""
    with Lab(proxy=ProxySettings(recurse=True)) as lab:
        bob, carol = lab.registered("bob"), lab.registered("carol")
        alice = lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        contact = ("Contact", b"<sip:carol@example.test>")
        bob.respond(bob.take_request("INVITE"), 302, extra=[contact])
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(302))
        assert carol.inbox == []


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
