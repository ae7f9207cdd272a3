"""What strangers, and users who mean no good, can make the whole server do."""

from __future__ import annotations

import pytest

from sipapp.app.testing import Lab
from tests.flows.calls import bind

USERS = {"alice": "secret", "bob": "secret"}

METHODS = (
    "INVITE", "BYE", "OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH", "MESSAGE", "INFO", "UPDATE",
    "PRACK", "REFER", "FANCY",
)  # fmt: skip


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "REGISTER", "OPTIONS"])
def test_a_stranger_gets_one_answer_and_costs_nothing(method: str) -> None:
    """RFC 3261 8.2.7: a challenge, a refusal and OPTIONS need no state, nor copies (Timer G)."""
    with Lab(users=USERS) as lab:
        eve = lab.phone("eve")
        eve.request(method, f"sip:{lab.domain}")
        lab.advance()
        assert lab.server.transactions.server_count == 0
        lab.advance(4)
        assert len(eve.inbox) == 1


@pytest.mark.parametrize("to_tag", [b"", b";tag=invented"])
@pytest.mark.parametrize("method", METHODS)
def test_no_method_reaches_a_user_without_credentials(method: str, to_tag: bytes) -> None:
    """RFC 3261 22.3; nor does one that claims to be of a dialog, by To tag and Route."""
    with Lab(users=USERS) as lab:
        bob, eve = lab.registered("bob", password="secret"), lab.phone("eve")
        request = eve.build(method, f"sip:bob@{lab.domain}")
        request.set_header("To", (request.headers.get("To") or b"") + to_tag)
        request.add_header("Route", b"<sip:192.0.2.10:5060;lr;d=AAAAAAAAAAAA>")
        eve.send(request)
        lab.advance(1)
        assert (eve.heard, bob.heard) == (["407"], [])


def test_a_challenge_is_repeated_with_the_same_tag() -> None:
    """RFC 3261 8.2.7: whoever lost it asks again; the ACK of either is absorbed."""
    with Lab(users=USERS) as lab:
        bob, alice = lab.registered("bob", password="secret"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        first = alice.take_response(407)
        alice.send(invite)
        lab.advance()
        second = alice.take_response(407)
        alice.acknowledge_failure(invite, second)
        lab.advance()
        assert first.to_tag == second.to_tag
        assert (alice.heard, bob.heard) == ([], [])


@pytest.mark.parametrize("tags", [b";tag=a;tag=b", b';tag="a"', b";tag"])
@pytest.mark.parametrize("method", ["INVITE", "BYE", "REGISTER", "OPTIONS", "ACK", "CANCEL"])
def test_broken_tags_make_nobody_stumble(method: str, tags: bytes) -> None:
    """RFC 3261 19.3: forwarded, answered or dropped, but never an exception."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        request = alice.build(method, f"sip:bob@{lab.domain}")
        for name in ("From", "To"):
            value = request.headers.get(name) or b""
            request.set_header(name, value.partition(b";")[0] + tags)
        alice.send(request)
        lab.advance()
        for arrived in bob.inbox:
            bob.respond(arrived, 486)  # type: ignore[arg-type]
        lab.advance(40)
        assert lab.server.transport.counters.failures == 0
        if method != "ACK":
            assert alice.heard[-1:] in (["486"], ["200"], ["481"])


@pytest.mark.parametrize("second", [b'"<sip:198.51.100.8;lr>', b"sip:198.51.100.8;lr"])
def test_a_route_that_is_broken_further_down_is_answered_400(second: bytes) -> None:
    """RFC 3261 16.3 step 1: now, and not when it would be that hop's turn."""
    with Lab() as lab:
        alice = lab.phone("alice")
        alice.invite("bob", extra=[("Route", b"<sip:198.51.100.9;lr>, " + second)])
        lab.advance()
        assert alice.heard == ["400"]


def test_credentials_and_claimed_identities_stay_here() -> None:
    """RFC 3261 22.3, 3325 5: within a dialog as well; what is for other proxies travels on."""
    mine, other = (
        b'Digest username="a", realm="%b", nonce="n", uri="sip:b", response="%b"'
        % (realm, b"0" * 32)
        for realm in (b"example.test", b"elsewhere.test")
    )
    extra = [
        ("Proxy-Authorization", mine),
        ("Proxy-Authorization", other),
        ("P-Asserted-Identity", b"<sip:boss@example.test>"),
    ]
    with Lab(users=USERS) as lab:
        bob, alice = lab.registered("bob", password="secret"), lab.phone("alice")
        invite = alice.invite("bob", extra=extra[1:])
        lab.advance()
        again = alice.retry(invite, alice.take_response(407), "secret")
        again.add_header("Proxy-Authorization", other)
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 200)
        lab.advance()
        dialog = alice.acknowledge(again, alice.take_response(200))
        alice.in_dialog(dialog, "INFO", extra=extra)
        lab.advance()
        bob.take_request("ACK")
        info = bob.take_request("INFO")
        bob.respond(info, 200)
        lab.advance()
        for request in (arrived, info):
            assert mine not in request.headers.get_all("Proxy-Authorization")
            assert "P-Asserted-Identity" not in request.headers
        assert info.headers.get_all("Proxy-Authorization") == [other]


@pytest.mark.parametrize(
    "contact",
    [
        "sip:bob@255.255.255.255:5060",
        "sip:bob@224.0.1.75",
        "sip:bob@[ff02::1]",
        "sip:bob@0.0.0.0:5060",
        "sip:bob@[::]",
        "sip:bob@198.51.100.9;maddr=224.0.1.75",
    ],
)
def test_a_contact_that_names_no_host_gets_nothing(contact: str) -> None:
    """RFC 4475 3.3.10 in the other direction: no datagram leaves, and the caller is told."""
    with Lab() as lab:
        bob, alice = lab.phone("bob"), lab.phone("alice")
        bind(lab, bob, f"<{contact}>")
        alice.invite("bob")
        lab.advance(0.2)
        assert [line for line in lab.scene() if "server -> " in line] == [
            "server -> alice 100 INVITE",
            "server -> alice 500 INVITE",
        ]


@pytest.mark.parametrize(
    ("contact", "copies"),
    [
        ("sip:bob@192.0.2.10:5060;transport=tcp", 0),
        ("sip:bob@elsewhere.test;maddr=192.0.2.10", 1),
        ("sip:bob@[::ffff:192.0.2.10]", 2),
        ("sip:bob@loop.test", 2),
        ("sip:carol@192.0.2.10", 0),
        ("sip:192.0.2.10", 0),
    ],
)
def test_a_contact_that_leads_back_here_ends(contact: str, copies: int) -> None:
    """RFC 5393 4.2: in however many words it says so; Carol has Bob's address as contact."""
    with Lab() as lab:
        lab.zone.add("loop.test 300 IN A 192.0.2.10")
        bob, alice, carol = lab.phone("bob"), lab.phone("alice"), lab.phone("carol")
        bind(lab, bob, f"<{contact}>")
        bind(lab, carol, "<sip:bob@192.0.2.10>")
        invite = alice.invite("bob")
        lab.advance()
        scene = lab.scene()
        assert scene.count("server -> server INVITE") == copies
        assert alice.heard[-1] in ("404", "482", "500")
        final = alice.take_response(int(alice.heard[-1]))
        alice.acknowledge_failure(invite, final)
        lab.advance(40)
        assert [line for line in lab.scene() if line.startswith("server")] == []
