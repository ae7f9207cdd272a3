"""Who is asking: digest between phone, registrar and proxy (RFC 3261 22, RFC 3325)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sipapp.app.testing import Lab, Phone
from sipapp.message.message import Response

PASSWORDS = {"alice": "wonder", "bob": "builder"}


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A server that knows Alice and Bob."""
    with Lab(users=PASSWORDS) as running:
        yield running


def test_a_registration(lab: Lab) -> None:
    """RFC 3261 22.2, 22.4: 401, then with credentials 200 [R05]."""
    bob = lab.phone("bob")
    first = bob.register()
    lab.advance()
    bob.retry(first, bob.take_response(401), "builder")
    lab.advance()
    final = bob.take_response(200)
    assert final.headers.get_all("Contact") == [b"<sip:bob@198.51.100.1:5060>;expires=3600"]
    assert lab.scene() == [
        "bob -> server REGISTER",
        "server -> bob 401 REGISTER",
        "bob -> server REGISTER",
        "server -> bob 200 REGISTER",
    ]


def test_a_call(lab: Lab) -> None:
    """RFC 3261 22.3: 407 and its ACK, then the INVITE with the next number [M01]."""
    bob, alice = lab.registered("bob", password="builder"), lab.phone("alice")
    first = alice.invite("bob")
    lab.advance()
    challenge = alice.take_response(407)
    alice.acknowledge_failure(first, challenge)
    second = alice.retry(first, challenge, "wonder")
    lab.advance()
    bob.respond(bob.take_request("INVITE"), 200)
    lab.advance()
    alice.acknowledge(second, alice.take_response(200))
    lab.advance()
    assert lab.scene() == [
        "alice -> server INVITE",
        "server -> alice 407 INVITE",
        "alice -> server ACK",
        "alice -> server INVITE",
        "server -> alice 100 INVITE",
        "server -> bob INVITE",
        "bob -> server 200 INVITE",
        "server -> alice 200 INVITE",
        "alice -> server ACK",
        "server -> bob ACK",
    ]


def shape(response: Response) -> tuple[int, str, list[str], int]:
    """What a stranger can tell of an answer."""
    return response.status, response.reason, response.headers.names, len(response.to_bytes())


def test_a_wrong_password_looks_like_an_unknown_user(lab: Lab) -> None:
    """RFC 3261 22.4, 26: nobody learns which accounts exist."""
    seen = []
    for user in ("alice", "alina"):
        phone = lab.phone(user)
        first = phone.register()
        lab.advance()
        phone.retry(first, phone.take_response(401), "guess")
        lab.advance()
        assert isinstance(phone.inbox[-1], Response)
        seen.append(shape(phone.inbox[-1]))
    assert seen[0] == seen[1]
    assert seen[0][0] == 401


def test_nobody_registers_for_another(lab: Lab) -> None:
    """RFC 3261 10.3 step 4: Alice's credentials do not change Bob's bindings [R05]."""
    bob, alice = lab.registered("bob", password="builder"), lab.phone("alice")
    first = alice.request("REGISTER", "sip:example.test", to=bob.aor)
    lab.advance()
    alice.retry(first, alice.take_response(401), "wonder")
    lab.advance()
    assert alice.heard == ["403"]
    found = lab.server.stores.locations.lookup("sip:bob@example.test")
    assert [binding.contact for binding in found] == ["sip:bob@198.51.100.1:5060"]


def test_nobody_calls_as_another(lab: Lab) -> None:
    """RFC 3261 26.3.2: From must be the account's when it is of our domain."""
    alice = lab.phone("alice")
    first = alice.invite("bob", from_="sip:bob@example.test")
    lab.advance()
    challenge = alice.take_response(407)
    alice.acknowledge_failure(first, challenge)
    alice.retry(first, challenge, "wonder")
    lab.advance()
    assert alice.heard == ["403"]


@pytest.mark.parametrize(
    "name",
    ["P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "p-asserted-IDENTITY"],
)
def test_an_asserted_identity_is_removed(name: str) -> None:
    """RFC 3325 5: what somebody we do not trust says about himself goes no further [B03]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        extra = [("X-First", b"1"), (name, b"<sip:boss@example.test>"), ("X-Last", b"2")]
        alice.invite("bob", extra=extra)
        lab.advance()
        arrived = bob.take_request("INVITE")
        assert b"boss" not in arrived.to_bytes()
        assert (arrived.headers.get("X-First"), arrived.headers.get("X-Last")) == (b"1", b"2")


def test_a_user_of_ours_who_is_away(lab: Lab) -> None:
    """RFC 3261 21.4.18: 480 for a user we know, 404 for one we do not [M04]."""
    alice: Phone = lab.phone("alice")
    for user in ("bob", "nobody"):
        first = alice.invite(user)
        lab.advance()
        challenge = alice.take_response(407)
        alice.acknowledge_failure(first, challenge)
        again = alice.retry(first, challenge, "wonder")
        lab.advance()
        final = alice.inbox[-1]
        assert isinstance(final, Response)
        alice.acknowledge_failure(again, final)
    assert alice.heard == ["480", "404"]


def test_a_domain_with_a_dot_at_its_end(lab: Lab) -> None:
    """RFC 3261 25.1, hostname: registrar, authenticator and proxy take it for the same domain."""
    bob, alice = lab.phone("bob"), lab.phone("alice")
    dotted = "sip:bob@example.test."
    first = bob.request("REGISTER", "sip:example.test.", to=dotted, from_=dotted)
    lab.advance()
    bob.retry(first, bob.take_response(401), "builder")
    invite = alice.request("INVITE", dotted, from_="sip:alice@example.test.")
    lab.advance()
    bob.take_response(200)
    challenge = alice.take_response(407)
    alice.acknowledge_failure(invite, challenge)
    alice.retry(invite, challenge, "wonder")
    lab.advance()
    assert bob.heard == ["INVITE"]
