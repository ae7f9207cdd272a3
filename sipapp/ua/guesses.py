"""Slows down who guesses passwords, without locking out whoever knows them.

Every wrong answer takes a token from two buckets, that of the user it was tried on and that of
the network it came from; both refill at ten a minute. While one of them is empty, credentials
are not looked at and the ordinary challenge goes out: the guesser can't tell.

That alone would let a stranger keep a real user out by guessing in his name, or a misconfigured
phone all others behind its router. So the pair of a user and a network from which he
has authenticated before has a bucket of its own, and nothing else counts for it. Nobody empties
that one from outside: an answer is only looked at when its nonce was issued to that address.
"""

from __future__ import annotations

__all__ = ["Guesses", "network_of"]

from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, TypeVar

Key = TypeVar("Key")

ALLOWED: Final = 10
"""Wrong answers in a burst, and per minute after it (hostile.md A5)."""

_MAPPED: Final = bytes(10) + b"\xff\xff"  # an IPv4 peer of a dual-stack socket, RFC 4291 2.5.5.2
_REFILL_S: Final = 60.0 / ALLOWED


def network_of(host: str) -> str:
    """Return what stands for one subscriber line: an IPv4 address, or an IPv6 /64 in hexadecimal.

    A host owns all the addresses of an IPv6 /64 and would have a bucket for each otherwise.

    Args:
        host: an address as text, without brackets; anything else is returned as it is.
    """
    if ":" not in host:
        return host
    try:
        octets = inet_pton(AF_INET6, host.partition("%")[0])
    except OSError:
        return host
    if octets.startswith(_MAPPED):
        return inet_ntop(AF_INET, octets[12:])
    return octets[:8].hex()


class Guesses:
    """Counts wrong answers per user and per network.

    Args:
        now: seconds, from any clock.
        capacity: users, networks and pairs that are remembered, each about 150 octets. At the
            limit the one unused for longest is forgotten, that is: believed again.
    """

    __slots__ = ("_capacity", "_now", "_pairs", "_sources", "_users")

    def __init__(self, *, now: Callable[[], float], capacity: int = 16_384) -> None:
        self._now = now
        self._capacity = capacity
        # Each bucket is the second at which it will be full again, least recently used first.
        # To have an entry at all is what makes a pair a known one.
        self._users: dict[str, float] = {}
        self._sources: dict[str, float] = {}
        self._pairs: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._users) + len(self._sources) + len(self._pairs)

    def allow(self, user: str, source: str) -> bool:
        """Tell whether an answer of ``user`` from ``source`` may be looked at.

        Args:
            user: the name claimed, whether it exists or not.
            source: what `network_of` made of the remote address.
        """
        latest = self._now() + (ALLOWED - 1) * _REFILL_S
        full = self._pairs.get((user, source))
        if full is not None:
            return full <= latest
        return self._users.get(user, 0.0) <= latest and self._sources.get(source, 0.0) <= latest

    def wrong(self, user: str, source: str) -> None:
        """Note a wrong answer."""
        if (user, source) in self._pairs:
            self._take(self._pairs, (user, source))
        else:
            self._take(self._users, user)
            self._take(self._sources, source)

    def right(self, user: str, source: str) -> None:
        """Note a right answer: from now on nobody else's mistakes count for this pair."""
        full = self._pairs.pop((user, source), 0.0)
        self._keep(self._pairs, (user, source), full)

    def _take(self, buckets: dict[Key, float], key: Key) -> None:
        full = max(buckets.pop(key, 0.0), self._now()) + _REFILL_S
        self._keep(buckets, key, full)

    def _keep(self, buckets: dict[Key, float], key: Key, full: float) -> None:
        buckets[key] = full
        if len(buckets) > self._capacity:
            del buckets[next(iter(buckets))]
