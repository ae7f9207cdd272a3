"""Which way a request leaves, and what happens when that way is shut (RFC 3261 18, 3263, 5626)."""

from __future__ import annotations

from typing import Any

import pytest

from sipapp.app.testing import Lab
from sipapp.app.testing.phone import SDP
from tests.flows.calls import branch, call_and_hang_up, established, hang_up

HOME = ("10.0.0.7", 5061)
LARGE = SDP + b"a=" + b"x" * 1400 + b"\r\n"

TWO_HOSTS = """
_sip._udp.far.test 60 IN SRV 1 1 5060 one.far.test
_sip._udp.far.test 60 IN SRV 2 1 5060 two.far.test
one.far.test 60 IN A 203.0.113.1
two.far.test 60 IN A 203.0.113.2
"""


def test_a_call_to_a_phone_behind_a_nat() -> None:
    """RFC 3581, 5626 5.3: reached where its REGISTER came from, whatever it takes itself for."""
    with Lab() as lab:
        bob = lab.registered("bob", inside=("10.0.0.7", 5061))
        alice = lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 486)
        lab.advance()
        assert arrived.raw_uri == b"sip:bob@10.0.0.7:5061"
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob INVITE",
            "bob -> server 486 INVITE",
            "server -> bob ACK",
            "server -> alice 486 INVITE",
        ]


@pytest.mark.parametrize("caller_ends", [True, False])
@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ({"inside": HOME}, {}),
        ({}, {"inside": HOME}),
        ({"inside": HOME}, {"inside": HOME}),
        ({"inside": HOME, "transport": "TCP"}, {"inside": HOME}),
        ({"inside": HOME}, {"inside": HOME, "transport": "TCP"}),
        ({}, {"inside": HOME, "transport": "TCP"}),
    ],
    ids=str,
)
def test_a_dialog_through_nats(
    caller: dict[str, Any], callee: dict[str, Any], caller_ends: bool
) -> None:
    """RFC 5626 5.3: ACK and BYE find the phone over the flow that the route set names."""
    with Lab() as lab:
        bob, alice = lab.registered("bob", **callee), lab.phone("alice", **caller)
        call_and_hang_up(lab, alice, bob, caller_ends=caller_ends)


def test_a_dialog_through_a_nat_survives_a_restart() -> None:
    """The flow is in the route set, not in memory."""
    with Lab() as lab:
        bob, alice = lab.registered("bob", inside=HOME), lab.phone("alice")
        dialog, _ = established(lab, alice, bob)
        lab.restart()
        hang_up(lab, alice, dialog, bob)


def test_answers_go_back_through_a_nat() -> None:
    """RFC 3581 4: to the source address and port, which rport tells the client."""
    with Lab() as lab:
        alice = lab.phone("alice", port=40001, inside=("10.0.0.7", 5060))
        alice.request("OPTIONS", "sip:example.test")
        lab.advance()
        via = alice.take_response(200).top_via
        assert (via.host, via.received, via.rport) == ("10.0.0.7", "198.51.100.1", "40001")


def test_a_phone_is_reached_over_its_connection() -> None:
    """RFC 5626 5.3: no second connection is opened."""
    with Lab() as lab:
        bob = lab.registered("bob", transport="TCP", inside=("10.0.0.7", 5061))
        alice = lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        bob.respond(bob.take_request("INVITE"), 486)
        lab.advance()
        assert lab.scene() == [
            "alice -> server INVITE",
            "TCP server -> bob INVITE",
            "server -> alice 100 INVITE",  # datagrams leave at the end of the turn
            "TCP bob -> server 486 INVITE",
            "TCP server -> bob ACK",
            "server -> alice 486 INVITE",
        ]


def test_a_lost_connection_is_a_lost_phone() -> None:
    """RFC 5626 5.3: nobody can call a phone behind a NAT back; the next binding is tried."""
    with Lab() as lab:
        bob = lab.registered("bob", transport="TCP", q=0.9, inside=("10.0.0.7", 5061))
        bob2, alice = lab.registered("bob", q=0.1), lab.phone("alice")
        lab.network.reset(bob.address[0])
        lab.advance()
        lab.scene()
        alice.invite("bob")
        lab.advance()
        bob2.respond(bob2.take_request("INVITE"), 486)
        lab.advance()
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob2 INVITE",
            "bob2 -> server 486 INVITE",
            "server -> bob2 ACK",
            "server -> alice 486 INVITE",
        ]


def test_the_only_connection_is_lost() -> None:
    """RFC 5626 5.3, 11.5: 430 (Flow Failed) when there is no other binding."""
    with Lab() as lab:
        bob = lab.registered("bob", transport="TCP", inside=("10.0.0.7", 5061))
        alice = lab.phone("alice")
        lab.network.reset(bob.address[0])
        lab.advance()
        alice.invite("bob")
        lab.advance()
        assert alice.heard == ["100", "430"]


def test_a_large_request_takes_tcp() -> None:
    """RFC 3261 18.1.1: over 1300 octets by TCP, although the target says UDP [W07]."""
    with Lab() as lab:
        lab.registered("bob")
        listener = lab.phone("bob", transport="TCP", host="198.51.100.1")
        alice = lab.phone("alice", transport="TCP")
        alice.invite("bob", body=LARGE)
        lab.advance()
        arrived = listener.take_request("INVITE")
        listener.respond(arrived, 486)
        lab.advance()
        assert (arrived.body, arrived.top_via.transport) == (LARGE, "TCP")
        assert lab.scene() == [
            "TCP alice -> server SYN",
            "TCP alice -> server INVITE",
            "TCP server -> alice 100 INVITE",
            "TCP server -> bob SYN",
            "TCP server -> bob INVITE",
            "TCP bob -> server 486 INVITE",
            "TCP server -> bob ACK",
            "TCP server -> alice 486 INVITE",
        ]


def test_a_large_request_falls_back_to_udp() -> None:
    """RFC 3261 18.1.1: the peer refuses TCP, so it gets a datagram; the Via says so [W07]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        for expected in (
            ["TCP server -> bob SYN", "server -> alice 100 INVITE", "server -> bob INVITE"],
            ["server -> alice 100 INVITE", "server -> bob INVITE"],  # the refusal is remembered
        ):
            lab.scene()
            invite = alice.invite("bob", body=LARGE)
            lab.advance()
            arrived = bob.take_request("INVITE")
            assert (arrived.body, arrived.top_via.transport) == (LARGE, "UDP")
            bob.respond(arrived, 486)
            lab.advance()
            alice.acknowledge_failure(invite, alice.take_response(486))
            lab.advance()
            assert lab.scene() == [
                "alice -> server INVITE",
                *expected,
                "bob -> server 486 INVITE",
                "server -> bob ACK",
                "server -> alice 486 INVITE",
                "alice -> server ACK",
            ]


def test_the_second_host_is_tried_after_a_503() -> None:
    """RFC 3263 4.3, RFC 3261 16.7: on a new branch, and the caller hears nothing [T04] [E03]."""
    with Lab() as lab:
        lab.zone.add(TWO_HOSTS)
        one, two = lab.phone("one", host="203.0.113.1"), lab.phone("two", host="203.0.113.2")
        alice = lab.phone("alice")
        alice.request("INVITE", "sip:bob@far.test")
        lab.advance()
        first = one.take_request("INVITE")
        one.respond(first, 503)
        lab.advance()
        second = two.take_request("INVITE")
        two.respond(second, 200, body=SDP)
        lab.advance()
        assert branch(first) != branch(second)
        assert [kind for kind, _ in lab.zone.asked] == ["NAPTR", "SRV", "SRV", "A", "A"]
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> one INVITE",
            "one -> server 503 INVITE",
            "server -> one ACK",
            "server -> two INVITE",
            "two -> server 200 INVITE",
            "server -> alice 200 INVITE",
        ]


def test_the_second_host_is_tried_after_silence() -> None:
    """RFC 3263 4.3: Timer B without any response is a failure of the host [T04]."""
    with Lab() as lab:
        lab.zone.add(TWO_HOSTS)
        lab.network.switch_off("203.0.113.1")
        two, alice = lab.phone("two", host="203.0.113.2"), lab.phone("alice")
        alice.request("INVITE", "sip:bob@far.test")
        lab.advance(33)
        assert two.heard == ["INVITE", "INVITE"]
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            *["server -> 203.0.113.1 INVITE lost"] * 7,
            "server -> two INVITE",
            "server -> two INVITE",
        ]


def test_nobody_is_left_to_try() -> None:
    """RFC 3261 16.7 step 6: a 503 of the last host becomes 500 here [T04] [C03]."""
    with Lab() as lab:
        lab.zone.add(TWO_HOSTS)
        hosts = [lab.phone(name, host=f"203.0.113.{at}") for at, name in ((1, "one"), (2, "two"))]
        alice = lab.phone("alice")
        alice.request("INVITE", "sip:bob@far.test")
        for host in hosts:
            lab.advance()
            host.respond(host.take_request("INVITE"), 503)
        lab.advance()
        assert alice.heard == ["100", "500"]


def test_a_domain_that_does_not_exist() -> None:
    """RFC 3263 4, RFC 3261 16.7: no address is a failed branch; MX counts for nothing [E03]."""
    with Lab() as lab:
        lab.zone.add("mail.test 60 IN A 203.0.113.9")
        alice = lab.phone("alice")
        alice.request("MESSAGE", "sip:bob@nowhere.test")
        lab.advance()
        assert alice.heard == ["500"]
        assert {kind for kind, _ in lab.zone.asked} == {"NAPTR", "SRV", "A"}


def test_an_outbound_proxy_gets_what_is_not_ours() -> None:
    """RFC 3261 8.1.2: foreign domains go there unasked of DNS; own users do not [T04]."""
    with Lab(outbound_proxy="sip:203.0.113.5") as lab:
        edge = lab.phone("edge", host="203.0.113.5")
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request("MESSAGE", "sip:carol@far.test")
        alice.request("MESSAGE", "sip:bob@example.test")
        lab.advance()
        assert edge.take_request("MESSAGE").raw_uri == b"sip:carol@far.test"
        assert (edge.heard, bob.heard, lab.zone.asked) == ([], ["MESSAGE"], [])


@pytest.mark.parametrize("host", ["2001:db8::5", "203.0.113.5"])
def test_both_families_in_one_call(host: str) -> None:
    """RFC 6157, 5118: caller by IPv4, callee by either [T05]."""
    literal = f"[{host}]" if ":" in host else host
    with Lab(hosts=["192.0.2.10", "2001:db8::10"]) as lab:
        callee, alice = lab.phone("callee", host=host), lab.phone("alice")
        callee.server = ("2001:db8::10" if ":" in host else "192.0.2.10", 5060)
        invite = alice.request("INVITE", f"sip:bob@{literal}")
        lab.advance()
        arrived = callee.take_request("INVITE")
        callee.respond(arrived, 200, body=SDP)
        lab.advance()
        dialog = alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        callee.take_request("ACK")
        hang_up(lab, alice, dialog, callee)
        assert dialog.target == f"sip:callee@{literal}:5060".encode()
        assert lab.scene()[-2:] == ["callee -> server 200 BYE", "server -> alice 200 BYE"]
