"""Bob has two phones, on UDP and on TCP; a call to him rings both. RFC 3261 16.6, 16.7."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.baresip import Baresip

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def alice(baresip: Callable[[str, str], Baresip]) -> Baresip:
    """The caller."""
    return baresip("alice", "udp")


@pytest.fixture(scope="module")
def bobs(baresip: Callable[[str, str], Baresip]) -> list[Baresip]:
    """Two phones of one user."""
    return [baresip("bob", "udp"), baresip("bob", "tcp")]


def ring(alice: Baresip, bobs: list[Baresip]) -> None:
    """Have all of Bob's phones ring."""
    alice.command("dial", "sip:bob@example.test")
    alice.events.expect("CALL_RINGING")
    for bob in bobs:
        bob.events.expect("CALL_INCOMING")


@pytest.mark.parametrize("answers", [0, 1])
def test_first_to_answer_gets_the_call(alice: Baresip, bobs: list[Baresip], answers: int) -> None:
    """The other phone is cancelled, the call works, and its end reaches who answered."""
    winner, loser = bobs[answers], bobs[1 - answers]
    ring(alice, bobs)
    winner.command("accept")
    loser.events.expect("CALL_CLOSED")
    for phone in (alice, winner):
        phone.events.expect("CALL_ESTABLISHED", "CALL_RTPESTAB")
    alice.command("hangup")
    winner.events.expect("CALL_CLOSED Connection reset by peer")
    alice.events.expect("CALL_CLOSED")


def test_all_refuse(alice: Baresip, bobs: list[Baresip]) -> None:
    """The caller hears nothing until the last phone has refused, then one answer."""
    ring(alice, bobs)
    for bob in bobs:
        bob.command("hangup")
        bob.events.expect("CALL_CLOSED")
    alice.events.expect("CALL_CLOSED 486")


def test_caller_gives_up(alice: Baresip, bobs: list[Baresip]) -> None:
    """One CANCEL from the caller stops every phone."""
    ring(alice, bobs)
    alice.command("hangup")
    for phone in (*bobs, alice):
        phone.events.expect("CALL_CLOSED")
