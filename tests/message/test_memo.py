"""Reading once what repeats."""

from __future__ import annotations

import pytest

from sipapp.message.memo import LONGEST, MOST, Memo


def counting() -> tuple[Memo[int], list[bytes]]:
    """A memo of numbers, and what it had to read."""
    read: list[bytes] = []

    def number(octets: bytes) -> int:
        read.append(octets)
        return int(octets)

    return Memo(number), read


class MemoTests:
    """What is kept, and what is not."""

    def test_the_same_octets_are_read_once(self) -> None:
        """Later looks give the same value."""
        memo, read = counting()
        assert ([memo[b"7"], memo[b"8"], memo[b"7"]], read) == ([7, 8, 7], [b"7", b"8"])

    def test_a_failure_is_not_kept(self) -> None:
        """Broken octets are broken each time (hostile.md P18)."""
        memo, read = counting()
        for _ in range(2):
            with pytest.raises(ValueError, match="invalid literal"):
                memo[b"x"]
        assert (read, dict(memo)) == ([b"x", b"x"], {})

    def test_long_octets_are_not_kept(self) -> None:
        """No peer fills the memory with large values (hostile.md P15)."""
        memo, _ = counting()
        longest = b"0" * LONGEST
        assert (memo[longest], memo[b"0" + longest], list(memo)) == (0, 0, [longest])

    def test_a_full_memo_starts_again(self) -> None:
        """Nor with many."""
        memo, _ = counting()
        for number in range(MOST + 1):
            assert memo[b"%d" % number] == number
        assert list(memo) == [b"%d" % MOST]
