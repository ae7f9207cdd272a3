"""Which requests were answered and let go: their keys alone, for a while.

A registrar holds a million phones, and each REGISTER would leave a transaction of 700 octets for
32 seconds only to send the same 200 again. The registrar can make that answer anew; all it has
to know is that this very request was carried out. So a hash of the key is kept, about 70 octets,
in two generations that are forgotten by turns.
"""

from __future__ import annotations

__all__ = ["Answered"]

from collections.abc import Callable

from sipapp.transaction.matching import Key


class Answered:
    """A set that forgets.

    Args:
        seconds: the clock.
        lifetime: seconds for which a key is remembered at least; at most twice that.
        most: keys in a generation; one more ends it early.
    """

    __slots__ = ("_lifetime", "_most", "_older", "_recent", "_seconds", "_since")

    def __init__(self, seconds: Callable[[], float], lifetime: float, most: int) -> None:
        self._seconds = seconds
        self._lifetime = lifetime
        self._most = most
        self._since = seconds()
        self._recent: set[int] = set()
        self._older: set[int] = set()

    def add(self, key: Key) -> None:
        """Remember a key. Its hash will do: nobody outside can aim at the hashes of a process."""
        self._turn()
        self._recent.add(hash(key))

    def __contains__(self, key: object) -> bool:
        if not self._recent and not self._older:
            return False
        self._turn()
        number = hash(key)
        return number in self._recent or number in self._older

    def _turn(self) -> None:
        """Begin a new generation when it is time; after a long silence both are over."""
        age = self._seconds() - self._since
        if age >= self._lifetime or len(self._recent) >= self._most:
            self._older = self._recent if age < 2 * self._lifetime else set()
            self._recent = set()
            self._since += age
