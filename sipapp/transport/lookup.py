"""Questions to DNS of one kind: remembered, shared and never long."""

from __future__ import annotations

__all__ = ["Lookup"]

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from sipapp.transport.dns import Answer

R = TypeVar("R")

PATIENCE = 2.0
"""Seconds that one question may take."""

LONGEST = 3600.0
"""Seconds that an answer is remembered at most, whatever its TTL."""

LONGEST_NEGATIVE = 60.0
AFTER_FAILURE = 5.0
"""Seconds that a server which did not answer is not asked again."""


class Lookup(Generic[R]):
    """Asks for one type of record.

    However many want to know about a name, it is asked for once at a time; a name whose servers
    are silent costs each of them at most ``PATIENCE`` and holds up no other name. No answer is no
    records: RFC 3263 goes on with the next step then.

    Args:
        query: puts one question; the Deferred may fail.
        clock: for timeouts and ages.
        most: names remembered, and names asked for at the same time.
    """

    __slots__ = ("_clock", "_known", "_most", "_query", "_waiting")

    def __init__(
        self, query: Callable[[str], Deferred[Answer[R]]], clock: IReactorTime, most: int = 1024
    ) -> None:
        self._query = query
        self._clock = clock
        self._most = most
        self._known: dict[str, tuple[float, tuple[R, ...]]] = {}
        self._waiting: dict[str, list[Deferred[tuple[R, ...]]]] = {}

    def __call__(self, name: str, patience: float = PATIENCE) -> Deferred[tuple[R, ...]]:
        """Give the records of ``name`` in the order of the answer; none after ``patience``.

        The Deferred never fails, and may be cancelled without harm to others who wait.
        """
        expires, records = self._known.get(name, (0.0, ()))
        if expires > self._clock.seconds():
            return succeed(records)
        waiting = self._waiting.get(name)
        if (waiting is None and len(self._waiting) >= self._most) or patience <= 0:
            return succeed(())
        wanted: Deferred[tuple[R, ...]] = Deferred(
            lambda gone: self._waiting.get(name, []).remove(gone)
        )
        # Without the answer in time, none: the timeout is not passed on as a failure.
        wanted.addTimeout(patience, self._clock, onTimeoutCancel=lambda _result, _after: ())
        if waiting is None:
            self._waiting[name] = [wanted]
            self._ask(name)
        else:
            waiting.append(wanted)
        return wanted

    def _ask(self, name: str) -> None:
        query = maybeDeferred(self._query, name)  # a label of 64 octets is refused by an exception
        query.addTimeout(PATIENCE, self._clock)
        query.addCallbacks(
            lambda answer: self._learned(name, answer), lambda failure: self._failed(name, failure)
        )

    def _learned(self, name: str, answer: Answer[R]) -> None:
        longest = LONGEST if answer.records else LONGEST_NEGATIVE
        self._remember(name, answer.records, min(max(answer.ttl, 0.0), longest))

    def _failed(self, name: str, failure: Failure) -> None:
        self._remember(name, (), AFTER_FAILURE)

    def _remember(self, name: str, records: tuple[R, ...], ttl: float) -> None:
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known.pop(name, None)
        self._known[name] = (self._clock.seconds() + ttl, records)
        for wanted in self._waiting.pop(name, []):
            wanted.callback(records)
