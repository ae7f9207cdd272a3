"""Who took part in a call cannot use its Route to call others (hostile.md A11, A13)."""

from __future__ import annotations

from sipapp.app.testing import Lab, Phone
from sipapp.message.message import Request

PASSWORDS = {"alice": "wonder", "bob": "builder"}


def called(lab: Lab) -> tuple[Phone, Phone, Request, Request]:
    """Alice, Bob, her authenticated INVITE as sent, and as it reached him."""
    alice = lab.registered("alice", password="wonder")
    bob = lab.registered("bob", password="builder")
    first = alice.invite("bob")
    lab.advance()
    challenge = alice.take_response(407)
    alice.acknowledge_failure(first, challenge)
    invite = alice.retry(first, challenge, "wonder")
    lab.advance()
    return alice, bob, invite, bob.take_request("INVITE")


def test_requests_between_the_peers_of_a_call_need_no_second_proof() -> None:
    """RFC 3261 22.1: the dialog was let through once, in both directions."""
    with Lab(users=PASSWORDS) as lab:
        alice, bob, invite, got = called(lab)
        answer = bob.respond(got, 200)
        lab.advance()
        dialog = alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        bob.take_request("ACK")
        alice.in_dialog(dialog, "INFO")
        lab.advance()
        bob.respond(bob.take_request("INFO"), 200)
        bob.in_dialog(bob.callee_dialog(got, answer), "BYE")
        lab.advance()
        alice.respond(alice.take_request("BYE"), 200)
        lab.advance()
        assert bob.heard == ["200"]


def test_our_route_does_not_lead_to_strangers() -> None:
    """An outsider who saw the Route of a call sends an INVITE along it, in Alice's name."""
    with Lab(users=PASSWORDS) as lab:
        _, bob, _, got = called(lab)
        bob.respond(got, 486)
        lab.advance()
        mallory, victim = lab.phone("mallory"), lab.phone("victim")
        stolen = [("Route", value) for value in got.headers.elements("Record-Route")]
        forged = mallory.build(
            "INVITE",
            f"sip:premium@{victim.address[0]}",
            call_id=got.call_id,
            from_="sip:alice@example.test",
            extra=stolen,
        )
        forged.set_header("To", b"<sip:x@example.test>;tag=zz")
        mallory.send(forged)
        lab.advance()
        assert (mallory.heard, victim.heard) == (["407"], [])


def test_the_owner_of_an_account_may_go_anywhere_in_a_dialog() -> None:
    """A phone that is asked proves itself, and its request follows the route set."""
    with Lab(users=PASSWORDS) as lab:
        alice, bob, invite, got = called(lab)
        bob.respond(got, 200)
        lab.advance()
        dialog = alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        elsewhere = lab.phone("bob2")
        dialog.target = f"sip:bob@{elsewhere.address[0]}:5060".encode()
        info = alice.in_dialog(dialog, "INFO")
        lab.advance()
        assert elsewhere.heard == []
        alice.retry(info, alice.take_response(407), "wonder")
        lab.advance()
        assert elsewhere.heard == ["INFO"]
