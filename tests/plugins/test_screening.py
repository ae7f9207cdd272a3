"""The screening application, on the whole stack."""

from __future__ import annotations

from datetime import time

import pytest
from twisted.logger import capturedLogs, formatEvent

from sipapp.app.testing import Lab
from sipapp_apps.screening import MOST_SOURCES


def screening(*rules: dict[str, object]) -> Lab:
    """A server with these rules."""
    sections = {"screening": {"rule": list(rules)}}
    return Lab(apps=["registrar", "screening", "proxy"], sections=sections)


@pytest.mark.parametrize(
    ("rule", "heard"),
    [
        ({"callers": ["alice@example.test"]}, "603"),
        ({"callers": ["*@example.test"], "users": ["bob"]}, "603"),
        ({"callers": ["mallory@*"]}, "INVITE"),
        ({"users": ["bob@example.test"], "action": "busy"}, "486"),
        ({"users": ["b*"], "action": "allow"}, "INVITE"),
        ({"users": ["carol", "bob@elsewhere.test"]}, "INVITE"),
        ({"from": time(8), "until": time(9)}, "603"),
        ({"from": time(9), "until": time(10)}, "INVITE"),
        ({"anonymous": True}, "INVITE"),
        ({"above": 1}, "INVITE"),
        ({}, "603"),
    ],
)
def test_a_rule_is_for_some_calls(rule: dict[str, object], heard: str) -> None:
    """Alice calls Bob; it is a quarter past eight. He hears of her, or she of the refusal."""
    with screening(rule) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        assert (bob.heard or alice.heard) == [heard]


@pytest.mark.parametrize(
    ("from_", "privacy", "status"),
    [
        ("sip:anonymous@anonymous.invalid", b"", 433),
        ("sip:anonymous@example.test", b"", 433),
        ("sip:alice@example.test", b"critical; ID", 433),
        ("sip:alice@example.test", b"none", 0),
    ],
)
def test_who_hides_is_told_so(from_: str, privacy: bytes, status: int) -> None:
    """RFC 5079: 433 (Anonymity Disallowed); RFC 3323 says how callers hide."""
    with screening({"anonymous": True}) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        extra = [("Privacy", privacy)] if privacy else []
        alice.invite("bob", from_=from_, extra=extra)
        lab.advance()
        assert (bob.heard or alice.heard) == ([str(status)] if status else ["INVITE"])


def test_the_first_rule_that_fits_counts() -> None:
    """Nobody disturbs Bob but the boss; the log tells who was refused by which rule."""
    rules: list[dict[str, object]] = [
        {"users": ["bob"], "callers": ["boss@example.test"], "action": "allow"},
        {"users": ["bob"], "action": "busy", "id": "do-not-disturb"},
    ]
    with screening(*rules) as lab, capturedLogs() as events:
        bob, boss, alice = lab.registered("bob"), lab.phone("boss"), lab.phone("alice")
        boss.invite("bob")
        call = alice.invite("bob")
        lab.advance()
        assert (bob.heard, alice.heard) == (["INVITE"], ["486"])
        assert [formatEvent(event) for event in events if "rule" in event] == [
            f"rule do-not-disturb: busy call {call.call_id} of alice@example.test"
            " to sip:bob@example.test"
        ]


def test_one_address_makes_so_many_calls_in_a_minute() -> None:
    """Others are not counted with it, and the next minute begins at nothing."""
    with screening({"above": 2}) as lab:
        bob, alice, carol = lab.registered("bob"), lab.phone("alice"), lab.phone("carol")
        for phone in (alice, alice, alice, carol):
            phone.invite("bob")
        lab.advance()
        assert (alice.heard.count("603"), carol.heard.count("603")) == (1, 0)
        lab.advance(60)
        before = alice.heard.count("603")
        alice.invite("bob")
        lab.advance()
        assert alice.heard.count("603") == before
        assert bob.heard.count("INVITE") > 0


def test_addresses_are_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who forges them gets the counting to begin again, and no more memory than that."""
    monkeypatch.setattr("sipapp_apps.screening.MOST_SOURCES", 2)
    assert MOST_SOURCES == 10_000
    with screening({"above": 1}) as lab:
        bob = lab.registered("bob")
        phones = [lab.phone(name) for name in ("a", "b", "c")]
        for phone in (*phones, phones[2]):
            phone.invite("bob")
            lab.advance()
        assert [phone.heard.count("603") for phone in phones] == [0, 0, 1]
        assert bob.heard.count("INVITE") == 3


def test_a_user_is_screened_by_whatever_name() -> None:
    """The address of the server stands for its domain."""
    with screening({"users": ["bob@example.test"]}) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request("INVITE", "sip:%62ob@192.0.2.10")
        lab.advance()
        assert (bob.heard, alice.heard) == ([], ["603"])


def test_a_forwarded_call_is_one_call() -> None:
    """It passes by a second time, and is not counted again."""
    sections: dict[str, dict[str, object]] = {
        "screening": {"rule": [{"above": 1}]},
        "forwarding": {"rule": [{"user": "bob", "to": "sip:carol@example.test"}]},
    }
    apps = ["registrar", "screening", "forwarding", "proxy"]
    with Lab(apps=apps, sections=sections) as lab:
        carol, alice = lab.registered("carol"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        assert (carol.heard, alice.heard) == (["INVITE"], ["100"])
