"""A configured outbound proxy: where requests go that leave our domains."""

from __future__ import annotations

from sipapp.app.testing import Lab


def test_foreign_requests_take_the_outbound_proxy_and_ours_do_not() -> None:
    """RFC 3261 8.1.2, 16.6 step 7: it stands before DNS, and after Route and bindings. [T04]"""
    with Lab(outbound_proxy="sip:203.0.113.9:5070;lr") as lab:
        bob = lab.registered("bob")
        edge = lab.phone("edge", host="203.0.113.9", port=5070)
        alice = lab.phone("alice")
        alice.request("MESSAGE", "sip:carol@elsewhere.example")
        lab.advance()
        assert edge.take_request("MESSAGE").raw_uri == b"sip:carol@elsewhere.example"
        alice.request("MESSAGE", "sip:bob@example.test")
        lab.advance()
        assert (bob.heard, edge.heard) == (["MESSAGE"], [])
        preloaded = [("Route", b"<sip:198.51.100.1;lr>")]
        alice.request("OPTIONS", "sip:carol@elsewhere.example", extra=preloaded)
        lab.advance()
        assert (bob.heard, edge.heard) == (["MESSAGE", "OPTIONS"], [])
