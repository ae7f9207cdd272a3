"""The application on the whole stack, in virtual time: two phones, one of them unwelcome."""

from __future__ import annotations

from docs.examples.screening import Screening
from sipapp.app.testing import Lab


def test_named_callers_are_declined_and_others_get_through() -> None:
    """Mallory hears 603 and Bob's phone stays silent; Alice's call reaches it."""
    section = {"refuse": ["sip:mallory@example.test"]}
    with Lab(apps=["registrar", Screening, "proxy"], sections={"Screening": section}) as lab:
        alice, bob, mallory = (lab.registered(name) for name in ("alice", "bob", "mallory"))

        mallory.invite("bob")
        lab.advance()
        assert mallory.take_response(603).reason == "Decline"
        assert bob.inbox == []

        alice.invite("bob")
        lab.advance()
        bob.respond(bob.take_request("INVITE"), 486)
        lab.advance()
        assert alice.heard == ["100", "486"]
