"""Keys of requests that were answered and let go."""

from __future__ import annotations

from twisted.internet.task import Clock

from sipapp.transaction.answered import Answered
from sipapp.transaction.matching import Key


def key(name: str) -> Key:
    """A key; only its hash counts."""
    return (name, "192.0.2.1:5060", "REGISTER")


def test_a_key_is_known_for_one_lifetime_and_gone_after_two() -> None:
    """RFC 3261 17.2.2: repetitions come for 64*T1."""
    clock = Clock()
    answered = Answered(clock.seconds, 32, 1_000)
    answered.add(key("a"))
    seen = []
    for _ in range(5):
        seen.append((key("a") in answered, key("b") in answered))
        clock.advance(16)
        answered.add(key("c"))
    assert seen == [(True, False), (True, False), (True, False), (True, False), (False, False)]


def test_a_long_silence_ends_everything() -> None:
    """Two lifetimes without a request are as good as two turns."""
    clock = Clock()
    answered = Answered(clock.seconds, 32, 1_000)
    answered.add(key("a"))
    clock.advance(65)
    assert key("a") not in answered


def test_a_flood_ends_a_generation_early() -> None:
    """The number of keys is bounded (hostile.md E12)."""
    clock = Clock()
    answered = Answered(clock.seconds, 32, 2)
    for name in "abcde":
        answered.add(key(name))
    assert [key(name) in answered for name in "abcde"] == [False, False, True, True, True]
