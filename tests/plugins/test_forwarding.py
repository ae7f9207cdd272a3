"""The forwarding application, on the whole stack."""

from __future__ import annotations

from datetime import time

import pytest
from twisted.logger import capturedLogs, formatEvent

from sipapp.app.settings import read_settings
from sipapp.app.testing import Lab, Phone
from sipapp.app.testing.phone import SDP
from sipapp.errors import ConfigError
from sipapp.message.uri import parse_uri
from sipapp_apps.forwarding import Forwarding
from sipapp_apps.forwarding_rules import Rule, Settings

APPS = ["registrar", "forwarding", "proxy"]
CAROL = "sip:carol@example.test"


def forwarding(*rules: dict[str, object]) -> Lab:
    """A server with these rules; each is for Bob and leads to Carol unless it says otherwise."""
    rows = [{"user": "bob", "to": CAROL, **rule} for rule in rules]
    return Lab(apps=APPS, sections={"forwarding": {"rule": rows}})


def answered_by(lab: Lab, phone: Phone, caller: Phone) -> list[bytes]:
    """Have a phone take the call; give the Diversion that it saw."""
    arrived = phone.take_request("INVITE")
    phone.respond(arrived, 200, body=SDP)
    lab.advance()
    caller.take_response(200)
    return arrived.headers.get_all("Diversion")


def test_every_call_is_forwarded() -> None:
    """His own phone stays silent; the log has the rule's name [R04]."""
    with forwarding({"id": "holiday"}) as lab, capturedLogs() as events:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        call = alice.invite("bob")
        lab.advance()
        assert answered_by(lab, carol, alice) == [
            b"<sip:bob@example.test>;reason=unconditional;counter=1"
        ]
        assert bob.inbox == []
        assert [formatEvent(event) for event in events if "rule" in event] == [
            f"rule holiday: call {call.call_id} for sip:bob@example.test goes to {CAROL}:"
            " unconditional"
        ]


@pytest.mark.parametrize(
    ("when", "status", "word"),
    [
        ("busy", 486, b"user-busy"),
        ("busy", 600, b"user-busy"),
        ("no-answer", 480, b"no-answer"),
        ("unavailable", 480, b"unavailable"),
        ("unavailable", 503, b"unavailable"),
    ],
)
def test_what_a_phone_refuses_is_forwarded(when: str, status: int, word: bytes) -> None:
    """RFC 5806 4: with the reason."""
    with forwarding({"when": when}) as lab:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        bob.respond(bob.take_request("INVITE"), status)
        lab.advance()
        assert answered_by(lab, carol, alice) == [
            b"<sip:bob@example.test>;reason=%b;counter=1" % word
        ]


def test_what_nobody_answers_is_forwarded() -> None:
    """After the time of the rule; the phone that rang in vain is told."""
    with forwarding({"when": "no-answer", "ring": 7}) as lab:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        ringing = bob.take_request("INVITE")
        bob.respond(ringing, 180)
        lab.advance(6.9)
        assert carol.inbox == []
        lab.advance(0.2)
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(ringing, 487)
        lab.advance()
        assert answered_by(lab, carol, alice) == [
            b"<sip:bob@example.test>;reason=no-answer;counter=1"
        ]


def test_the_ring_time_is_for_the_user_of_the_rule() -> None:
    """Carol rings as long as the caller waits."""
    with forwarding({"when": "no-answer", "ring": 5}) as lab:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        ringing = bob.take_request("INVITE")
        bob.respond(ringing, 180)
        lab.advance(5.1)
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(ringing, 487)
        lab.advance()
        carol.respond(carol.take_request("INVITE"), 180)
        lab.advance(100)
        assert carol.heard == []


def test_who_is_not_registered_is_forwarded() -> None:
    """Nothing rings first."""
    with forwarding({"when": "unavailable"}) as lab:
        carol, alice = lab.registered("carol"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        assert answered_by(lab, carol, alice) == [
            b"<sip:bob@example.test>;reason=unavailable;counter=1"
        ]


@pytest.mark.parametrize(
    ("rule", "user", "status"),
    [
        ({"when": "busy"}, "bob", 603),
        ({"when": "no-answer"}, "bob", 486),
        ({"user": "dora"}, "bob", 486),
        ({"user": "bob@elsewhere.test"}, "bob", 486),
        ({"callers": ["boss@example.test"]}, "bob", 486),
        ({"until": time(8), "from": time(7)}, "bob", 486),
    ],
)
def test_what_no_rule_is_for_stays_as_it_is(
    rule: dict[str, object], user: str, status: int
) -> None:
    """The caller hears what Bob's phone said. It is a quarter past eight."""
    with forwarding(rule) as lab:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        call = alice.invite(user)
        lab.advance()
        bob.respond(bob.take_request("INVITE"), status)
        lab.advance()
        alice.acknowledge_failure(call, alice.take_response(status))
        assert carol.inbox == []


def test_the_first_rule_that_fits_counts() -> None:
    """For some callers, in some hours; else the next."""
    rules: list[dict[str, object]] = [
        {"callers": ["boss@*"], "to": "sip:dora@example.test"},
        {"from": time(20), "until": time(7), "to": "sip:night@example.test"},
        {"when": "unconditional"},
    ]
    with forwarding(*rules) as lab:
        carol, dora = lab.registered("carol"), lab.registered("dora")
        alice, boss = lab.phone("alice"), lab.phone("boss")
        alice.invite("bob")
        boss.invite("bob")
        lab.advance()
        assert (carol.heard, dora.heard) == (["INVITE"], ["INVITE"])


def test_the_caller_may_have_to_go_there_herself() -> None:
    """RFC 5806 5.3: a 302 with the Diversion."""
    with forwarding({"how": "redirect"}) as lab:
        alice = lab.phone("alice")
        call = alice.invite("bob", extra=[("Privacy", b"id")])
        lab.advance()
        moved = alice.take_response(302)
        alice.acknowledge_failure(call, moved)
        assert moved.headers.get_all("Contact") == [b"<sip:carol@example.test>"]
        assert moved.headers.get_all("Diversion") == [
            b"<sip:bob@example.test>;reason=unconditional;counter=1;privacy=full"
        ]


def test_users_who_forward_to_each_other_are_not_called() -> None:
    """482, and nobody's phone has rung."""
    with forwarding({}, {"user": "carol", "to": "sip:bob@example.test"}) as lab:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        call = alice.invite("bob")
        lab.advance()
        alice.acknowledge_failure(call, alice.take_response(482))
        assert (bob.inbox, carol.inbox) == ([], [])


def test_a_rule_is_read_as_it_is_written() -> None:
    """What is left out has a default."""
    row = {"user": "bob", "to": CAROL, "days": ["sat", "sun"], "callers": "*@a", "from": time(9)}
    rule = Rule(
        user="bob",
        to=parse_uri(CAROL.encode()),
        days=frozenset(("sat", "sun")),
        callers=("*@a",),
        since=time(9),
    )
    assert read_settings(Settings, {"rule": [row]}, "app.forwarding") == Settings((rule,))


def test_every_mistake_of_the_section_is_told() -> None:
    """Before the server starts."""
    rows = [
        {"to": "nowhere", "when": "bored", "ring": 0.5},
        {"user": "b", "to": CAROL, "days": ["sunday"], "from": "18:00", "colour": 1},
        5,
    ]
    with pytest.raises(ConfigError) as caught:
        Forwarding(None, {"rule": rows, "rules": []})  # type: ignore[arg-type]
    where = "app.forwarding"
    keys = "days, from, until, user, to, when, id, ring, how or callers"
    words = "unconditional, busy, no-answer or unavailable"
    assert [str(problem) for problem in caught.value.problems] == [
        f"{where}.rule[1].user: is missing; write it",
        f"{where}.rule[1].to: 'nowhere' is no URI; write it as \"sip:user@example.com\"",
        f"{where}.rule[1].when: 'bored' is none of the words; use {words}",
        f"{where}.rule[1].ring: 0.5 is out of range; use a number from 1 to 180",
        f"{where}.rule[2].days[1]: 'sunday' is none of the words;"
        " use mon, tue, wed, thu, fri, sat or sun",
        f"{where}.rule[2].from: is no time of day; write it as 18:00:00, without quotes",
        f"{where}.rule[2].colour: is no key here; use {keys}",
        f"{where}.rule[3]: is no table; write [{where}.rule[3]]",
        f"{where}.rules: is no key here; use rule or timezone",
    ]
