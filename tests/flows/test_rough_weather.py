"""Datagrams are lost, doubled and overtake each other, and calls come about all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sipapp.app.testing import Lab, Phone
from sipapp.app.testing.phone import SDP
from sipapp.message.message import Request, Response

STORMS = [
    {"loss": 0.3},
    {"duplicate": 0.5},
    {"reorder": 0.5},
    {"loss": 0.2, "duplicate": 0.3, "reorder": 0.3},
]


@pytest.mark.parametrize("storm", STORMS, ids=str)
@pytest.mark.parametrize("number", range(5))
def test_a_call_comes_about_and_ends(storm: dict[str, float], number: int) -> None:
    """RFC 3261 17: what repeats are for; nobody gets a second call out of them [R04] [E13]."""
    with Lab() as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        lab.network.delay = 0.01
        for name, chance in storm.items():
            setattr(lab.network, name, chance)
        for _ in range(number):  # each number meets another part of the storm
            alice.request("OPTIONS", "sip:192.0.2.10")
        invite = alice.build("INVITE", "sip:bob@example.test", body=SDP)
        persist(lab, lambda: alice.send(invite), lambda: "INVITE" in bob.heard)
        arrived = bob.take_request("INVITE")
        persist(lab, lambda: bob.respond(arrived, 200), lambda: answered(alice, "INVITE"))
        final = alice.take_response(200, "INVITE")
        persist(lab, lambda: alice.acknowledge(invite, final), lambda: "ACK" in bob.heard)
        bye = alice.in_dialog(alice.caller_dialog(invite, final), "BYE")

        def insist() -> None:
            alice.send(bye)
            for message in bob.inbox:
                if isinstance(message, Request) and message.method == "BYE":
                    bob.respond(message, 200)

        persist(lab, insist, lambda: answered(alice, "BYE"))
        lab.advance(80)
        requests = [m for m in (arrived, *bob.inbox) if isinstance(m, Request)]
        branches = {(m.method, m.top_via.branch) for m in requests if m.method != "ACK"}
        assert sorted(method for method, _ in branches) == ["BYE", "INVITE"]


def persist(lab: Lab, act: Callable[[], object], done: Callable[[], object]) -> None:
    """Act again every half second, at most as often as Timer F allows, until it is done."""
    for _ in range(64):
        act()
        for _ in range(10):
            lab.advance(0.05)
            if done():
                return
    raise AssertionError(lab.ladder)


def answered(phone: Phone, method: str) -> bool:
    """Whether the phone has a 200 to that method in its inbox."""
    return any(
        isinstance(message, Response) and (message.status, message.cseq.method) == (200, method)
        for message in phone.inbox
    )
