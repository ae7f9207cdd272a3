"""The trapezoid: each phone has a proxy of its own, and the call goes through both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sipapp.app.testing import Lab, Phone
from sipapp.app.testing.phone import SDP
from sipapp.message.message import Request
from tests.flows.calls import branch, hang_up, said

UDP_ZONE = "b.test 60 IN A 192.0.2.20\na.test 60 IN A 192.0.2.10"
TCP_ZONE = """
_sip._tcp.b.test 60 IN SRV 1 1 5060 p2.b.test
p2.b.test 60 IN A 192.0.2.20
"""


@contextmanager
def trapezoid(transport: str = "UDP") -> Iterator[tuple[Lab, Phone, Phone]]:
    """Alice at a.test, Bob at b.test; all hops over one transport."""
    with (
        Lab(name="p1", domain="a.test") as p1,
        Lab(name="p2", domain="b.test", hosts=["192.0.2.20"], beside=p1) as p2,
    ):
        p1.zone.add(UDP_ZONE if transport == "UDP" else TCP_ZONE)
        bob = p2.registered("bob", transport=transport)
        alice = p1.phone("alice", transport=transport)
        yield p1, alice, bob


def routes(message: Request) -> list[str]:
    """The hosts in Route, in order."""
    return [str(route.uri).split(";")[0] for route in message.routes]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_a_call_through_two_proxies(transport: str) -> None:
    """RFC 3261 4, 16: the same flow on every transport [F3] [T01] [M01] [C03]."""
    with trapezoid(transport) as (lab, alice, bob):
        invite = alice.request("INVITE", "sip:bob@b.test", body=SDP)
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 180)
        lab.advance()
        answer = bob.respond(arrived, 200, body=SDP)
        lab.advance()
        final = alice.take_response(200)
        dialog = alice.acknowledge(invite, final)
        lab.advance()
        assert said(lab.scene()) == [
            "alice -> p1 INVITE",
            "p1 -> alice 100 INVITE",
            "p1 -> p2 INVITE",
            "p2 -> p1 100 INVITE",
            "p2 -> bob INVITE",
            "bob -> p2 180 INVITE",
            "p2 -> p1 180 INVITE",
            "p1 -> alice 180 INVITE",
            "bob -> p2 200 INVITE",
            "p2 -> p1 200 INVITE",
            "p1 -> alice 200 INVITE",
            "alice -> p1 ACK",
            "p1 -> p2 ACK",
            "p2 -> bob ACK",
        ]
        assert (arrived.body, final.body) == (SDP, SDP)
        hang_up(lab, bob, bob.callee_dialog(arrived, answer), alice)
        assert said(lab.scene()) == [
            "bob -> p2 BYE",
            "p2 -> p1 BYE",
            "p1 -> alice BYE",
            "alice -> p1 200 BYE",
            "p1 -> p2 200 BYE",
            "p2 -> bob 200 BYE",
        ]
        assert dialog.cseq == 1


def test_the_caller_ends_the_call() -> None:
    """BYE from the caller's side follows the same two hops the other way round [F3]."""
    with trapezoid() as (lab, alice, bob):
        invite = alice.request("INVITE", "sip:bob@b.test", body=SDP)
        lab.advance()
        bob.respond(bob.take_request("INVITE"), 200, body=SDP)
        lab.advance()
        dialog = alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        lab.scene()
        hang_up(lab, alice, dialog, bob)
        assert lab.scene() == [
            "alice -> p1 BYE",
            "p1 -> p2 BYE",
            "p2 -> bob BYE",
            "bob -> p2 200 BYE",
            "p2 -> p1 200 BYE",
            "p1 -> alice 200 BYE",
        ]


def test_the_route_set() -> None:
    """RFC 3261 12.1.2, 16.4, 16.6 step 4 [F3] [E06] [E07] [E08].

    Both proxies record their route, the later one on top. The caller's route set is that list in
    reverse, each proxy takes itself off, and the ACK arrives with the whole remote target in the
    Request-URI and a branch that no INVITE had.
    """
    with trapezoid() as (lab, alice, bob):
        invite = alice.request("INVITE", "sip:bob@b.test", body=SDP)
        lab.advance()
        arrived = bob.take_request("INVITE")
        contact = b"<sip:bob@198.51.100.1:5060;transport=udp;line=7>"
        answer = bob.respond(arrived, 200)
        answer.set_header("Contact", contact)
        alice.inbox.clear()
        bob.send(answer)
        lab.advance()
        final = alice.inbox[-1]
        assert not isinstance(final, Request)
        dialog = alice.acknowledge(invite, final)
        lab.advance()
        recorded = [str(each.uri).split(";")[0] for each in arrived.record_routes]
        assert recorded == ["sip:192.0.2.20:5060", "sip:192.0.2.10:5060"]
        assert [route.split(b";")[0] for route in dialog.routes] == [
            b"<sip:192.0.2.10:5060",
            b"<sip:192.0.2.20:5060",
        ]
        ack = bob.take_request("ACK")
        assert ack.raw_uri == contact[1:-1]
        assert routes(ack) == []
        assert branch(ack) not in (branch(invite), branch(arrived))
        assert ack.vias[-1].branch != branch(invite)


def test_every_hop_is_counted() -> None:
    """RFC 3261 16.6 steps 3 and 8: Max-Forwards goes down, a Via is added at each proxy."""
    with trapezoid() as (lab, alice, bob):
        alice.request("INVITE", "sip:bob@b.test", body=SDP)
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 486)
        lab.advance()
        assert arrived.max_forwards == 68
        assert [via.host for via in arrived.vias] == ["192.0.2.20", "192.0.2.10", "198.51.100.2"]
        assert lab.scene() == [
            "alice -> p1 INVITE",
            "p1 -> alice 100 INVITE",
            "p1 -> p2 INVITE",
            "p2 -> p1 100 INVITE",
            "p2 -> bob INVITE",
            "bob -> p2 486 INVITE",
            "p2 -> bob ACK",
            "p2 -> p1 486 INVITE",
            "p1 -> p2 ACK",
            "p1 -> alice 486 INVITE",
        ]
