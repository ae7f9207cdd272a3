"""What the proxy looks at before it forwards, and what it lets pass (RFC 3261 16.3, RFC 5393)."""

from __future__ import annotations

import pytest

from sipapp.app.config.values import ProxySettings
from sipapp.app.testing import Lab
from sipapp.app.testing.phone import SDP
from sipapp.message.message import Response
from tests.flows.calls import bind, branch

REFUSED = [
    ("sip:bob@example.test", [("Max-Forwards", b"0")], 483, {}),
    ("sip:bob@example.test", [("Max-Breadth", b"0")], 440, {}),
    ("sip:bob@example.test", [("Max-Breadth", b"many")], 400, {}),
    ("sip:bob@example.test", [("Proxy-Require", b"teleport, path")], 420,
     {"Unsupported": b"teleport, path"}),
    ("mailto:bob@example.test", [], 416, {}),
    ("soap.beep://example.test/", [], 416, {}),
    ("sip:bob@example.test?Subject=x", [], 400, {}),
    ("sip:nobody@example.test", [], 404, {}),
]  # fmt: skip


@pytest.mark.parametrize(("uri", "fields", "status", "told"), REFUSED)
def test_refusals(
    uri: str, fields: list[tuple[str, bytes]], status: int, told: dict[str, bytes]
) -> None:
    """RFC 3261 16.3, 16.5, RFC 5393 5.3: answered, and nothing is forwarded [R04] [C03]."""
    with Lab() as lab:
        lab.registered("bob")
        alice = lab.phone("alice")
        invite = alice.build("INVITE", uri, body=SDP)
        for name, value in fields:
            invite.set_header(name, value)
        alice.send(invite)
        lab.advance()
        final = alice.inbox[-1]
        assert isinstance(final, Response)
        assert (final.status, {name: final.headers.get(name) for name in told}) == (status, told)
        alice.acknowledge_failure(invite, final)
        lab.advance(40)
        assert lab.scene() == [
            "alice -> server INVITE",
            f"server -> alice {status} INVITE",
            "alice -> server ACK",
        ]


def test_a_loop_is_found() -> None:
    """RFC 3261 16.3 step 4, RFC 5393 4: a request that comes back as it left is 482 [R04] [C03]."""
    with Lab() as lab:
        lab.zone.add("loop.test 60 IN A 192.0.2.10")  # this server, which does not know that name
        alice = lab.phone("alice")
        invite = alice.request("INVITE", "sip:bob@loop.test")
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(482))
        lab.advance()
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> server INVITE",
            "server -> server 482 INVITE",
            "server -> server ACK",
            "server -> alice 482 INVITE",
            "alice -> server ACK",
        ]


@pytest.mark.parametrize(("sent_by", "found"), [("192.0.2.10:5060", True), ("192.0.2.11", False)])
def test_a_loop_is_one_through_this_server(sent_by: str, found: bool) -> None:
    """RFC 3261 16.3 step 4: its sent-by counts; another server may have the same secret [R04]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        request = alice.request("MESSAGE", "sip:bob@example.test")
        lab.advance()
        mark = branch(bob.take_request("MESSAGE")).rpartition(".")[0]
        above = f"SIP/2.0/UDP h, SIP/2.0/UDP {sent_by};branch={mark}.1".encode()
        request.headers.insert("Via", request.headers.get("Via") or b"")
        request.replace_top_via(b"SIP/2.0/UDP 198.51.100.2;branch=z9hG4bKother")
        request.headers.add("Via", above)
        alice.send(request)
        lab.advance()
        assert alice.heard == (["482"] if found else [])
        assert bob.heard == ([] if found else ["MESSAGE"])


def test_a_spiral_passes() -> None:
    """RFC 3261 6 "Spiral": it comes back with another Request-URI, and that is no loop [R04]."""
    with Lab() as lab:
        bind(lab, lab.phone("bob"), "<sip:carol@example.test;maddr=192.0.2.10>")
        carol, alice = lab.registered("carol"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        carol.respond(carol.take_request("INVITE"), 200, body=SDP)
        lab.advance()
        alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        assert carol.heard == ["ACK"]
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> server INVITE",
            "server -> server 100 INVITE",
            "server -> carol INVITE",
            "carol -> server 200 INVITE",
            "server -> server 200 INVITE",
            "server -> alice 200 INVITE",
            "alice -> server ACK",
            "server -> carol ACK",
        ]


@pytest.mark.parametrize(
    ("allowed", "shares"), [(b"60", [20, 20, 20]), (b"7", [2, 2, 2]), (b"3", [1, 1, 1])]
)
def test_breadth_is_shared(allowed: bytes, shares: list[int]) -> None:
    """RFC 5393 5.3.3.1: the branches together get no more than came in [R04]."""
    with Lab() as lab:
        bobs = [lab.registered("bob") for _ in range(3)]
        lab.phone("alice").invite("bob", extra=[("Max-Breadth", allowed)])
        lab.advance()
        got = [bob.take_request("INVITE").headers.get("Max-Breadth") for bob in bobs]
        assert got == [b"%d" % share for share in shares]


def test_less_breadth_than_phones() -> None:
    """RFC 5393 5.3.3.1: then the search is serial where it cannot be parallel [R04]."""
    with Lab() as lab:
        bobs = [lab.registered("bob") for _ in range(3)]
        alice = lab.phone("alice")
        alice.invite("bob", extra=[("Max-Breadth", b"2")])
        lab.advance()
        assert [bob.heard for bob in bobs] == [[], ["INVITE"], ["INVITE"]]
        for bob in bobs[1:]:
            invite = bob.take_request("INVITE")
            assert invite.headers.get("Max-Breadth") == b"1"
            bob.respond(invite, 486)
        lab.advance()
        assert bobs[0].take_request("INVITE").headers.get("Max-Breadth") == b"2"


def test_the_configured_breadth_is_a_cap() -> None:
    """RFC 5393 5.3.3: a caller may ask for less only."""
    with Lab(proxy=ProxySettings(max_breadth=8)) as lab:
        bob, bob2 = lab.registered("bob"), lab.registered("bob")
        lab.phone("alice").invite("bob", extra=[("Max-Breadth", b"60")])
        lab.advance()
        got = [phone.take_request("INVITE").headers.get("Max-Breadth") for phone in (bob, bob2)]
        assert got == [b"4", b"4"]


@pytest.mark.parametrize(
    "method",
    "OPTIONS INFO UPDATE PRACK SUBSCRIBE NOTIFY MESSAGE REFER PUBLISH DANCE invite".split(),
)
def test_every_method_is_forwarded(method: str) -> None:
    """RFC 3261 16: known or not, all but INVITE, ACK and CANCEL are alike [M01] [M02] [M03]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request(method, "sip:bob@example.test", body=b"\x00 any octets \xff")
        lab.advance()
        arrived = bob.take_request(method)
        bob.respond(arrived, 200)
        lab.advance()
        assert arrived.body == b"\x00 any octets \xff"
        assert lab.scene() == [
            f"alice -> server {method}",
            f"server -> bob {method}",
            f"bob -> server 200 {method}",
            f"server -> alice 200 {method}",
        ]


@pytest.mark.parametrize("status", [200, 300, 301, 400, 482, 486, 500, 501, 600, 603, 606, 499])
def test_every_answer_comes_back(status: int) -> None:
    """RFC 3261 16.7, 21: 2xx to 6xx are final, on slides or not [C01] [C03] [E01].

    The reason phrase is the callee's own, octet for octet.
    """
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        answer = bob.respond(bob.take_request("INVITE"), status)
        lab.advance()
        final = alice.take_response(status)
        assert (final.reason, final.to_tag, alice.heard) == (answer.reason, "t-bob", ["100"])


@pytest.mark.parametrize(
    "media",
    [
        b"m=audio 40000 RTP/AVP 0",
        b"m=video 40002 RTP/AVP 31",
        b"m=message 7654 TCP/MSRP *\r\na=path:msrp://192.0.2.1:7654/x;tcp",
        b"m=application 9 TCP/QUAKE3 chess",
        b"m=smell 9 UDP/NOSE \xc3\xa4pfel",
    ],
)
def test_sessions_of_any_kind(media: bytes) -> None:
    """A proxy looks into no body: offer and answer arrive octet for octet [B01] [B04]."""
    offer = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n" + media + b"\r\n"
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob", body=offer)
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 200, body=offer.upper())
        lab.advance()
        final = alice.take_response(200)
        alice.acknowledge(invite, final)
        assert (arrived.body, final.body) == (offer, offer.upper())
