"""A REGISTER for another domain: the proxy's business, not the registrar's (RFC 3261 10.3)."""

from __future__ import annotations

from sipapp.app.testing import Lab

FAR = "sip:198.51.100.77"


def test_it_is_forwarded() -> None:
    """RFC 3261 10.3 step 1, 16.5: to the domain of its Request-URI; nothing is kept here."""
    with Lab() as lab:
        alice = lab.phone("alice")
        far = lab.phone("far", host="198.51.100.77")
        alice.request("REGISTER", FAR, to="sip:alice@198.51.100.77")
        lab.advance()
        arrived = far.take_request("REGISTER")
        far.respond(arrived, 200)
        lab.advance()
        assert alice.heard == ["200"]
        assert (arrived.raw_uri, "Record-Route" in arrived.headers) == (FAR.encode(), False)
        assert lab.server.stores.locations.count == 0


def test_a_proxy_challenges_it() -> None:
    """RFC 3261 22.3: 407, for 401 is the answer of the registrar it goes to; From is ours."""
    with Lab(users={"alice": "wonder"}) as lab:
        alice = lab.phone("alice")
        far = lab.phone("far", host="198.51.100.77")
        first = alice.request("REGISTER", FAR, to="sip:alice@198.51.100.77")
        lab.advance()
        alice.retry(first, alice.take_response(407), "wonder")
        lab.advance()
        far.respond(far.take_request("REGISTER"), 401)
        lab.advance()
        assert alice.heard == ["401"]


def test_without_a_proxy_nobody_serves_it() -> None:
    """RFC 3261 10.3 step 1: SHOULD be forwarded, by a server that is also a proxy."""
    with Lab(apps=["registrar"]) as lab:
        alice = lab.phone("alice")
        alice.request("REGISTER", FAR, to="sip:alice@198.51.100.77")
        lab.advance()
        assert alice.heard == ["404"]
