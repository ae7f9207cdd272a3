"""Calls that are sent on to somebody else."""

from __future__ import annotations

from typing import ClassVar

import pytest
from twisted.logger import capturedLogs, formatEvent

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall
from sipapp.app.testing import Lab
from sipapp.app.testing.phone import SDP
from sipapp.message.uri import SipUri
from tests.flows.calls import branch


class Divert(Application):
    """Diverts users of a table, at once or after their phones rang in vain; tells the outcomes."""

    always: ClassVar[dict[str, str]] = {"sip:away@example.test": "sip:bob@example.test"}
    later: ClassVar[dict[str, str]] = {"sip:bob@example.test": "sip:carol@example.test"}
    told: ClassVar[list[int]] = []

    async def call(self, call: ICall) -> None:
        uri = call.request.uri
        user = uri.aor() if self.sip.is_ours(call.request) and isinstance(uri, SipUri) else ""
        if user in self.always:
            self.told.append((await call.divert(self.always[user], "unconditional")).status)
        elif user in self.later:
            outcome = await call.proxy(ring=10)
            if not outcome.ok:
                outcome = await call.divert(self.later[user], "no-answer", ring=5)
            self.told.append(outcome.status)
        elif user == "sip:dora@example.test":
            await call.respond(603)
        else:
            await call.pass_on()

    request = call


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has tables of its own."""
    monkeypatch.setattr(Divert, "always", dict(Divert.always))
    monkeypatch.setattr(Divert, "later", dict(Divert.later))
    monkeypatch.setattr(Divert, "told", [])


def diverting() -> Lab:
    """A server that diverts."""
    return Lab(apps=["registrar", Divert, "proxy"])


def test_a_call_nobody_answers_goes_to_another_user() -> None:
    """The caller sees one call; the new callee sees whose it was, and why [R04]."""
    with diverting() as lab:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        ringing = bob.take_request("INVITE")
        bob.respond(ringing, 180)
        lab.advance(10)
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(ringing, 487)
        lab.advance()
        arrived = carol.take_request("INVITE")
        assert arrived.headers.get_all("Diversion") == [
            b"<sip:bob@example.test>;reason=no-answer;counter=1"
        ]
        assert arrived.headers.get_all("History-Info") == [
            b"<sip:bob@example.test?Reason=SIP%3Bcause%3D408>;index=1,"
            b" <sip:carol@example.test>;index=1.1;mp=1"
        ]
        assert branch(arrived) != branch(ringing)
        carol.respond(arrived, 200, body=SDP)
        lab.advance()
        alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        assert (alice.heard, Divert.told) == (["100", "180"], [200])
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob INVITE",
            "bob -> server 180 INVITE",
            "server -> alice 180 INVITE",
            "server -> bob CANCEL",
            "server -> carol INVITE",
            "bob -> server 200 CANCEL",
            "bob -> server 487 INVITE",
            "server -> bob ACK",
            "carol -> server 200 INVITE",
            "server -> alice 200 INVITE",
            "alice -> server ACK",
            "server -> carol ACK",
        ]


def test_the_rules_of_the_new_user_count() -> None:
    """Away goes to Bob, who does not answer and goes to Carol; each with a ring time of his own."""
    with diverting() as lab:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        invite = alice.invite("away")
        lab.advance()
        bob.respond(bob.take_request("INVITE"), 486)
        lab.advance()
        arrived = carol.take_request("INVITE")
        assert arrived.headers.get_all("Diversion") == [
            b"<sip:bob@example.test>;reason=no-answer;counter=1",
            b"<sip:away@example.test>;reason=unconditional;counter=1",
        ]
        carol.respond(arrived, 180)
        lab.advance(5)
        carol.respond(carol.take_request("CANCEL"), 200)
        carol.respond(arrived, 487)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(408))
        assert Divert.told == [408, 408]


def test_who_divert_to_each_other_come_to_an_end() -> None:
    """RFC 5393's concern: 482, and a line in the log."""
    Divert.always["sip:carol@example.test"] = "sip:bob@example.test:5060"
    with diverting() as lab, capturedLogs() as events:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        bob.respond(bob.take_request("INVITE"), 486)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(482))
        assert (bob.heard, Divert.told) == (["ACK"], [482, 482])
        lines = [formatEvent(event) for event in events if "to" in event]
        assert lines == [
            f"application Divert diverted {invite.call_id} to sip:bob@example.test:5060 again: 482"
        ]


def test_a_circle_through_another_server_comes_to_an_end() -> None:
    """Both write down what they did, and read it."""
    Divert.always["sip:eve@example.test"] = "sip:away@far.test"
    Divert.always["sip:away@far.test"] = "sip:eve@example.test"
    with diverting() as lab:
        far = Lab(
            apps=["registrar", Divert, "proxy"],
            domain="far.test",
            hosts=["192.0.2.20"],
            name="far",
            beside=lab,
        )
        lab.zone.add("far.test 60 IN A 192.0.2.20")
        lab.zone.add("example.test 60 IN A 192.0.2.10")
        alice = lab.phone("alice")
        invite = alice.invite("eve")
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(482))
        lab.advance()
        far.close()
        assert [line for line in lab.scene() if "INVITE" in line and "100" not in line] == [
            "alice -> server INVITE",
            "server -> far INVITE",
            "far -> server 482 INVITE",
            "server -> alice 482 INVITE",
        ]


@pytest.mark.parametrize(
    ("target", "status"), [("dora", 603), ("nobody", 404), ("tel:+1201", 404), ("x@far.test", 500)]
)
def test_the_outcome_tells_what_became_of_it(target: str, status: int) -> None:
    """Refused by an application, nobody there, no way to a number, no address in DNS."""
    named = target if ":" in target else f"sip:{target}"
    whole = named if "@" in named or ":+" in named else f"{named}@example.test"
    Divert.always["sip:bob@example.test"] = whole
    with diverting() as lab:
        alice = lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance(6)
        alice.acknowledge_failure(invite, alice.take_response(status))
        assert Divert.told == [status]


def test_no_headers_of_a_uri_go_into_the_request_line() -> None:
    """RFC 3261 19.1.1 table 1."""
    Divert.always["sip:bob@example.test"] = "sip:carol@198.51.100.1?Subject=x"
    with diverting() as lab:
        carol, alice = lab.phone("carol", host="198.51.100.1"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        assert carol.take_request("INVITE").raw_uri == b"sip:carol@198.51.100.1"


def test_messages_are_diverted_like_calls() -> None:
    """Only the Diversion field is for INVITE."""
    with diverting() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request("MESSAGE", "sip:away@example.test")
        lab.advance()
        arrived = bob.take_request("MESSAGE")
        assert ("Diversion" in arrived.headers, "History-Info" in arrived.headers) == (False, True)
        bob.respond(arrived, 200)


@pytest.mark.parametrize(
    ("to", "why", "told"),
    [("nonsense", "busy", "'nonsense' is no URI"), ("sip:a@h", "bored", "'bored' is no reason")],
)
def test_a_mistake_is_the_application_s(to: str, why: str, told: str) -> None:
    """500, and a line that names it; the caller's request is as it was."""

    class Mistaken(Application):
        """Passes nonsense."""

        async def call(self, call: ICall) -> None:
            await call.divert(to, why)

    with Lab(apps=[Mistaken]) as lab, capturedLogs() as events:
        alice = lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(500))
        failures = [str(event["log_failure"].value) for event in events if "log_failure" in event]
        assert [text.startswith(told) for text in failures] == [True]
