"""What the server answers for itself (RFC 3261 10, 11, 21)."""

from __future__ import annotations

import pytest

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall
from sipapp.app.testing import Lab, Phone


@pytest.mark.parametrize("uri", ["sip:example.test", "sip:192.0.2.10", "sip:192.0.2.10:5060"])
def test_options(uri: str) -> None:
    """RFC 3261 11.2: 200 with Allow, Accept and Supported [M01] [M02] [W04]."""
    with Lab(users={"bob": "builder"}) as lab:  # a ping needs no credentials
        alice = lab.phone("alice")
        alice.request("OPTIONS", uri)
        lab.advance()
        final = alice.take_response(200)
        assert final.headers.elements("Allow") == (
            b"INVITE ACK CANCEL BYE OPTIONS REGISTER SUBSCRIBE NOTIFY PUBLISH MESSAGE INFO UPDATE"
            b" PRACK REFER"
        ).split(b" ")
        assert final.headers.get("Accept") == b"application/sdp"
        assert final.headers.get("Supported") == b"path"
        assert lab.scene() == ["alice -> server OPTIONS", "server -> alice 200 OPTIONS"]


def test_options_with_no_hop_left() -> None:
    """RFC 3261 16.3 step 3: it need not be forwarded, so Max-Forwards 0 does not matter."""
    with Lab() as lab:
        alice = lab.phone("alice")
        ping = alice.build("OPTIONS", "sip:example.test")
        ping.set_header("Max-Forwards", b"0")
        alice.send(ping)
        lab.advance()
        assert alice.heard == ["200"]


@pytest.mark.parametrize(
    ("answer", "method"), [(200, "OPTIONS"), (486, "OPTIONS"), (486, "INVITE"), (200, "INVITE")]
)
def test_options_finds_like_an_invite(answer: int, method: str) -> None:
    """RFC 3261 11.2: the status is what a call would get, from the phone itself [M04]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request(method, "sip:bob@example.test")
        lab.advance()
        bob.respond(bob.take_request(method), answer)
        lab.advance()
        assert alice.heard[-1] == str(answer)


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "MESSAGE", "DANCE"])
def test_nobody_is_found_alike(method: str) -> None:
    """RFC 3261 11.2, 16.5: 404 for a user without bindings, whatever is asked [M04] [M03]."""
    with Lab() as lab:
        alice = lab.phone("alice")
        alice.request(method, "sip:nobody@example.test")
        lab.advance()
        assert alice.heard == ["404"]


@pytest.mark.parametrize("apps", [["registrar"], ["registrar", "proxy"]])
def test_a_method_that_the_server_does_not_know(apps: list[str]) -> None:
    """RFC 3261 8.2.1, 21.5.2: asked itself, it answers 501 and says what it knows [M03]."""
    with Lab(apps=apps) as lab:
        alice = lab.phone("alice")
        alice.request("DANCE", "sip:example.test")
        lab.advance()
        assert b"INVITE" in alice.take_response(501).headers.elements("Allow")
        assert alice.heard == []


def test_bye_outside_a_dialog() -> None:
    """RFC 3261 15.1.2: the phone answers 481, and a proxy without it 404 [E12]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request("BYE", "sip:bob@example.test")
        lab.advance()
        bob.respond(bob.take_request("BYE"), 481)
        lab.advance()
        assert alice.heard == ["481"]


class Automaton(Application):
    """A small user agent server: busy, not for some methods, and deaf to others."""

    async def call(self, call: ICall) -> None:
        await call.respond(180)
        await call.respond(486, "Busy Here", headers=[("Retry-After", b"60")])

    async def request(self, call: ICall) -> None:
        if call.request.method == "MESSAGE":
            await call.respond(200)
        elif call.request.method == "SUBSCRIBE":
            await call.respond(405, headers=[("Allow", b"INVITE, MESSAGE")])
        else:
            await call.respond(501)


def heard(phone: Phone, lab: Lab, method: str) -> list[str]:
    """What a phone hears when it asks the automaton."""
    phone.inbox.clear()
    phone.request(method, "sip:any@example.test")
    lab.advance()
    return phone.heard


def test_an_application_answers_by_itself() -> None:
    """RFC 3261 8.2: Python code decides; each method gets its answer [R02] [M03] [C03]."""
    with Lab(apps=[Automaton]) as lab:
        alice = lab.phone("alice")
        assert heard(alice, lab, "MESSAGE") == ["200"]
        assert heard(alice, lab, "SUBSCRIBE") == ["405"]
        assert heard(alice, lab, "DANCE") == ["501"]
        assert heard(alice, lab, "INVITE") == ["180", "486"]


def test_what_options_requires_must_be_known() -> None:
    """RFC 3261 8.2.2.3: 420 with the tags that are not. [M04]"""
    with Lab() as lab:
        alice = lab.phone("alice")
        alice.request("OPTIONS", "sip:example.test", extra=[("Require", b"path, nosuch")])
        lab.advance()
        assert alice.take_response(420).headers.get("Unsupported") == b"nosuch"


def test_a_number_that_nobody_maps_is_not_found() -> None:
    """RFC 3261 16.5: a tel URI has no target by itself."""
    with Lab() as lab:
        alice = lab.phone("alice")
        alice.request("MESSAGE", "tel:+12015550123")
        lab.advance()
        assert alice.heard == ["404"]
