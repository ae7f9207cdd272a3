"""Questions to DNS: what becomes of one that cannot even be put."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sipapp.transport.dns import Answer
from sipapp.transport.lookup import AFTER_FAILURE, Lookup


def test_a_question_that_cannot_be_put_is_no_answer() -> None:
    """A label of 64 octets (RFC 1035 2.3.4) is refused by an exception; nobody waits for it."""
    asked: list[str] = []

    def refuse(name: str) -> Deferred[Answer[str]]:
        asked.append(name)
        raise UnicodeError("label too long")

    clock = Clock()
    lookup = Lookup(refuse, clock)
    found: list[tuple[str, ...]] = []
    for _ in range(2):
        lookup("x" * 64).addCallback(found.append)
    assert (found, len(asked)) == ([(), ()], 1)
    clock.advance(AFTER_FAILURE)
    lookup("x" * 64).addCallback(found.append)
    assert (found, len(asked)) == ([()] * 3, 2)
    assert clock.getDelayedCalls() == []
