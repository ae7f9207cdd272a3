"""What repeats from message to message is read once.

Of the octets of a message a few are its own (branch, tags, Call-ID); the others have been
seen before: ``CSeq: 1 INVITE``, ``SIP/2.0 200 OK``, ``Content-Length: 0``, the sent-by of a
peer, the Request-URI of a user. A memo gives back what they were read as, for a tenth of the
cost. Only values that nobody changes may be kept in one.
"""

from __future__ import annotations

__all__ = ["Memo"]

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

LONGEST = 128
MOST = 4096


class Memo(dict[bytes, Value]):
    """Octets and what they were read as: ``memo[octets]`` reads them if they are new.

    At most ``MOST`` octet strings of at most ``LONGEST`` octets are kept, so that no peer can
    make it large; a full one starts again empty, which costs nothing per message.

    Args:
        read: gives the value; what it raises comes out of ``memo[octets]`` and is not kept.
    """

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[bytes], Value]) -> None:
        self._read = read

    def __missing__(self, octets: bytes) -> Value:
        value = self._read(octets)
        if len(octets) <= LONGEST:
            if len(self) >= MOST:
                self.clear()
            self[octets] = value
        return value
