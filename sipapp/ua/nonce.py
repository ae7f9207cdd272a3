"""Nonces that need no memory until somebody has proved who he is.

A challenge goes to anybody who asks, so it may leave nothing behind: the nonce itself says
when, by which node and for whose address it was issued, and a signature says that we said so.
Memory begins with the first right answer. From then on the nonce has a line in a table with
the highest nonce count seen, and a count has to be higher than that: what was sent once is
worth nothing to whoever overheard it.

The table is bounded and starts empty, so there are nonces that it can't speak about: those
issued before this process, and those that may have been pushed out. Both are older than a
moment called the floor, and a nonce older than the floor without a line is stale. The peer
gets a fresh one and repeats the request by itself.

Layout: version (1 octet), node (1), time in 1/256 s (5), source tag (3), salt (4), first 16
octets of an HMAC-SHA256 over all of that and the realm; base64url, 40 characters.
"""

from __future__ import annotations

__all__ = ["NONCE_LENGTH", "SINGLE_USE", "Freshness", "Nonces"]

from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Callable
from enum import StrEnum
from hashlib import blake2b
from hmac import compare_digest, digest
from typing import Final

from sipapp.errors import UsageError

NONCE_LENGTH: Final = 40
"""Characters of a nonce."""

SINGLE_USE: Final = 2**32
"""The count of an answer without one (RFC 2069): higher than any, so it uses the nonce up."""

_VERSION: Final = 1
_TICKS: Final = 256
_FACTS: Final = 14
_SIGNATURE: Final = 16
_AHEAD: Final = 5 * _TICKS  # a clock that is set back a little must not refuse everybody
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


class Freshness(StrEnum):
    """What a nonce that came back is worth."""

    FRESH = "fresh"
    STALE = "stale"  # ours, but used up, too old or of another source: "stale=true"
    FORGED = "forged"


class Nonces:
    """Issues nonces and judges those that come back.

    RFC: 7616 3.3 (nonce), 3.4 (nc), 5.4, 5.5.

    Args:
        secret: 32 to 64 octets, kept over restarts and shared by the workers of a server.
        now: wall-clock seconds; nonces outlive a process, so it can't be monotonic.
        random_bytes: gives that many unpredictable octets.
        lifetime: seconds from the challenge to the last use.
        node: 0 to 255, tells workers with the same secret apart, for each has its own table.
        capacity: nonces in use that are remembered, about 200 octets each. At the limit the
            one unused for longest goes, and with it the use of all that are older.

    Raises:
        UsageError: the secret has another size, or the node is no octet.
    """

    __slots__ = (
        "_capacity", "_counts", "_floor", "_lifetime", "_now", "_prefix", "_random", "_secret",
    )  # fmt: skip

    def __init__(
        self,
        secret: bytes,
        *,
        now: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        lifetime: float = 300.0,
        node: int = 0,
        capacity: int = 65_536,
    ) -> None:
        if not 32 <= len(secret) <= 64 or not 0 <= node <= 255:
            raise UsageError("nonces need a secret of 32 to 64 octets and a node from 0 to 255")
        self._secret = secret
        self._now = now
        self._random = random_bytes
        self._lifetime = int(lifetime * _TICKS)
        self._prefix = bytes((_VERSION, node))
        self._capacity = capacity
        self._counts: dict[str, int] = {}  # oldest use first
        self._floor = int(now() * _TICKS)

    def __len__(self) -> int:
        return len(self._counts)

    def issue(self, realm: str, source: str) -> str:
        """Mint a nonce; nothing is remembered.

        Args:
            realm: the protection space of the challenge.
            source: where the request came from, as coarse as the caller wants to bind it.
        """
        ticks = int(self._now() * _TICKS)
        facts = self._prefix + ticks.to_bytes(5, "big") + self._tag(source) + self._random(4)
        return self._signed(facts, realm)

    def examine(self, nonce: str, count: int, realm: str, source: str) -> Freshness:
        """Judge a nonce before anything is calculated with it; nothing is remembered.

        Args:
            nonce: any text, of any length.
            count: the nonce count, or ``SINGLE_USE``.
            realm: the realm of the credentials.
            source: where this request came from.
        """
        facts = _facts(nonce)
        if facts is None or not compare_digest(nonce, self._signed(facts, realm)):
            return Freshness.FORGED
        issued = _issued(facts)
        age = int(self._now() * _TICKS) - issued
        if not -_AHEAD <= age <= self._lifetime or facts[:2] != self._prefix:
            return Freshness.STALE
        if facts[7:10] != self._tag(source):
            return Freshness.STALE
        used = self._counts.get(nonce, 0 if issued >= self._floor else SINGLE_USE)
        return Freshness.FRESH if count > used else Freshness.STALE

    def spend(self, nonce: str, count: int) -> None:
        """Remember that a right answer came with this count.

        Args:
            nonce: one that `examine` called fresh in this turn.
            count: the same as there.
        """
        counts = self._counts
        counts.pop(nonce, None)
        counts[nonce] = count
        # Expired lines go two at a time: the table shrinks after a peak and nobody waits for it.
        for _ in range(2):
            oldest = next(iter(counts))
            issued = _issued(_facts(oldest) or b"")
            expired = int(self._now() * _TICKS) - issued > self._lifetime
            if not expired and len(counts) <= self._capacity:
                return
            del counts[oldest]
            if not expired:
                self._floor = max(self._floor, issued + 1)

    def _tag(self, source: str) -> bytes:
        octets = source.encode("utf-8", "surrogateescape")
        return blake2b(octets, key=self._secret, digest_size=3).digest()

    def _signed(self, facts: bytes, realm: str) -> str:
        signed = facts + realm.encode("utf-8", "surrogateescape")
        octets = facts + digest(self._secret, signed, "sha256")[:_SIGNATURE]
        return b2a_base64(octets, newline=False).translate(_TO_URL).decode("ascii")


def _facts(nonce: str) -> bytes | None:
    """The unsigned half of a nonce, None for what can't be one."""
    if len(nonce) != NONCE_LENGTH or not nonce.isascii():
        return None
    try:
        octets = a2b_base64(nonce.encode("ascii").translate(_FROM_URL), strict_mode=True)
    except Error:
        return None
    return octets[:_FACTS]


def _issued(facts: bytes) -> int:
    return int.from_bytes(facts[2:7], "big")
