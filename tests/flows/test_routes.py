"""Who is on the path, and how requests find it again (RFC 3261 16.4, 16.6, 20.30)."""

from __future__ import annotations

import pytest

from sipapp.app.testing import Lab, Phone
from sipapp.app.testing.phone import Dialog
from sipapp.message.message import Request, Response
from tests.flows.calls import call_and_hang_up, established, hang_up

PASSWORDS = {"alice": "wonder", "bob": "builder"}


def test_both_sides_of_a_change_of_transport_are_recorded() -> None:
    """RFC 5658: one entry a side, so that each neighbour finds us over its own transport [T01]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob", transport="TCP"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        arrived = bob.take_request("INVITE")
        recorded = [str(each.uri).partition(";d=")[0] for each in arrived.record_routes]
        assert recorded == ["sip:192.0.2.10:5060;transport=tcp;lr", "sip:192.0.2.10:5060;lr"]
        bob.respond(arrived, 486)
        lab.advance()


@pytest.mark.parametrize("caller_ends", [True, False])
@pytest.mark.parametrize(("one", "other"), [("UDP", "TCP"), ("TCP", "UDP"), ("TCP", "TCP")])
def test_a_call_between_transports(one: str, other: str, caller_ends: bool) -> None:
    """RFC 3261 18, RFC 5658: the dialog works in both directions [T01]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob", transport=other), lab.phone("alice", transport=one)
        call_and_hang_up(lab, alice, bob, caller_ends=caller_ends)


@pytest.mark.parametrize("count", [1, 64])
@pytest.mark.parametrize("joined", [True, False])
def test_a_preloaded_route_to_us_is_taken_off(count: int, joined: bool) -> None:
    """RFC 3261 16.4: however often it stands there [W04]."""
    ours = [b"<sip:192.0.2.10;lr>"] * count
    fields = [("Route", b", ".join(ours))] if joined else [("Route", value) for value in ours]
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.invite("bob", extra=fields)
        lab.advance()
        assert bob.take_request("INVITE").routes == []


def test_a_route_to_others_is_followed() -> None:
    """RFC 3261 16.6 step 7: the first Route entry is the next hop, and stays for it [T04]."""
    with Lab() as lab:
        edge, alice = lab.phone("edge"), lab.phone("alice")
        routes = [("Route", b"<sip:192.0.2.10;lr>, <sip:198.51.100.1;lr;x=1>, <sip:far.test;lr>")]
        alice.request("INVITE", "sip:bob@other.test", extra=routes)
        lab.advance()
        arrived = edge.take_request("INVITE")
        assert arrived.raw_uri == b"sip:bob@other.test"
        assert [str(route.uri) for route in arrived.routes] == [
            "sip:198.51.100.1;lr;x=1",
            "sip:far.test;lr",
        ]


def test_a_strict_router_ahead() -> None:
    """RFC 3261 16.6 step 6: it gets itself as Request-URI, and the target as last Route."""
    with Lab() as lab:
        old, alice = lab.phone("old"), lab.phone("alice")
        routes = [("Route", b"<sip:192.0.2.10;lr>, <sip:198.51.100.1>, <sip:far.test;lr>")]
        alice.request("INVITE", "sip:bob@other.test", extra=routes)
        lab.advance()
        arrived = old.take_request("INVITE")
        assert arrived.raw_uri == b"sip:198.51.100.1"
        assert [str(route.uri) for route in arrived.routes] == [
            "sip:far.test;lr",
            "sip:bob@other.test",
        ]


def test_a_strict_router_behind() -> None:
    """RFC 3261 16.4: it put our Record-Route into the Request-URI; the last Route is the target."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        dialog, _ = established(lab, alice, bob)
        [ours] = dialog.routes
        target, dialog.target = dialog.target, ours[1:-1]
        dialog.routes = [b"<" + target + b">"]
        bye = hang_up(lab, alice, dialog, bob)
        assert (bye.raw_uri, bye.routes) == (target, [])


def test_a_dialog_survives_a_restart() -> None:
    """The route set is signed, not remembered: a server that forgot all still forwards the BYE."""
    with Lab(users=PASSWORDS) as lab:
        bob, alice = lab.registered("bob", password="builder"), lab.phone("alice")
        dialog = logged_in_call(lab, alice, bob)
        lab.restart()
        hang_up(lab, alice, dialog, bob)
        assert lab.scene() == [
            "alice -> server BYE",
            "server -> bob BYE",
            "bob -> server 200 BYE",
            "server -> alice 200 BYE",
        ]


@pytest.mark.parametrize(
    "route",
    [
        b"<sip:192.0.2.10:5060;lr;d=AAAAAAAAAAAA>",
        b"<sip:192.0.2.10:5060;lr>",
        b"<sip:192.0.2.10:5060;lr;d=short>",
    ],
)
def test_a_forged_route_opens_nothing(route: bytes) -> None:
    """What looks like a dialog and is not signed is challenged, and not forwarded."""
    with Lab(users=PASSWORDS) as lab:
        bob, mallory = lab.registered("bob", password="builder"), lab.phone("mallory")
        dialog = Dialog(
            b"made-up", b"<sip:m@x.test>;tag=1", b"<sip:bob@x.test>;tag=2", bob.contact[1:-1]
        )
        dialog.routes = [route]
        mallory.in_dialog(dialog, "BYE")
        lab.advance()
        assert lab.scene() == ["mallory -> server BYE", "server -> mallory 407 BYE"]


def test_a_signature_is_good_for_its_dialog_only() -> None:
    """The route of one dialog opens no other: the Call-ID is signed."""
    with Lab(users=PASSWORDS) as lab:
        bob, alice = lab.registered("bob", password="builder"), lab.phone("alice")
        dialog = logged_in_call(lab, alice, bob)
        dialog.call_id = b"another"
        alice.in_dialog(dialog, "BYE")
        lab.advance()
        assert lab.scene() == ["alice -> server BYE", "server -> alice 407 BYE"]


def test_a_stray_ack_is_dropped() -> None:
    """RFC 3261 17.1.1.3, 16: an ACK is never answered, and goes nowhere without our route [M05]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request("ACK", "sip:bob@example.test")
        lab.advance(1)
        assert lab.scene() == ["alice -> server ACK"]
        assert bob.heard == []


def test_stray_responses_are_dropped() -> None:
    """RFC 6026 8.9, RFC 3261 18.1.2: nobody asked, so nobody is told [E04]."""
    with Lab() as lab:
        bob = lab.registered("bob")
        answer = bob.build("INVITE", "sip:x@y.test")
        ours = b"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKmade-up"
        answer.headers.insert("Via", ours)
        bob.respond(answer, 200)
        lab.advance(1)
        assert lab.scene() == ["bob -> server 200 INVITE"]


def logged_in_call(lab: Lab, alice: Phone, bob: Phone) -> Dialog:
    """A call whose INVITE was challenged."""
    first = alice.invite("bob")
    lab.advance()
    challenge = alice.take_response(407)
    alice.acknowledge_failure(first, challenge)
    invite: Request = alice.retry(first, challenge, "wonder")
    lab.advance()
    bob.respond(bob.take_request("INVITE"), 200)
    lab.advance()
    final: Response = alice.take_response(200)
    dialog = alice.acknowledge(invite, final)
    lab.advance()
    bob.take_request("ACK")
    alice.inbox.clear()
    lab.scene()
    return dialog
