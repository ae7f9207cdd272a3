"""Unguessable short texts for tags and branches, without a system call for each."""

from __future__ import annotations

__all__ = ["TokenSource"]

from collections.abc import Callable

_OCTETS = 8  # 64 bits: RFC 3261 19.3 asks for 32 in a tag
_POOL = 512


class TokenSource:
    """Hands out hexadecimal tokens of 16 characters from a pool of random octets.

    Args:
        random_bytes: gives that many unpredictable octets, as ``os.urandom`` does.
    """

    __slots__ = ("_pool", "_random_bytes")

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._pool: list[str] = []

    def __call__(self) -> str:
        """Return a token that was not handed out before."""
        pool = self._pool
        if not pool:
            text = self._random_bytes(_OCTETS * _POOL).hex()
            width = 2 * _OCTETS
            pool.extend(text[at : at + width] for at in range(0, len(text), width))
        return pool.pop()
