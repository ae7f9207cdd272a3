"""Tokens for tags and branches."""

from __future__ import annotations

from random import Random

from sipapp.app.tokens import TokenSource


def test_tokens_are_cut_from_a_pool() -> None:
    """64 bits each, and one call to the system for many (RFC 3261 19.3 asks for 32 bits)."""
    asked: list[int] = []

    def octets(count: int) -> bytes:
        asked.append(count)
        return Random(len(asked)).randbytes(count)

    source = TokenSource(octets)
    tokens = [source() for _ in range(600)]
    assert asked == [4096, 4096]
    assert {len(token) for token in tokens} == {16}
    assert len(set(tokens)) == 600
