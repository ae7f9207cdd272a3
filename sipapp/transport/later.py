"""Calls that must wait for a later turn of the reactor, on one delayed call for all of them."""

from __future__ import annotations

__all__ = ["Later"]

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Later:
    """Runs what it is given in the next turn, in order.

    A flow reports its failure through this and never inside ``send``: a transaction that
    sends from a state action is not re-entered (the machines rely on it).
    """

    __slots__ = ("_calls", "_clock", "_delayed", "_stopped")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: list[Callable[[], None]] = []
        self._delayed: IDelayedCall | None = None
        self._stopped = False

    def __call__(self, call: Callable[[], None]) -> None:
        """Run ``call`` in the next turn of the reactor."""
        if self._stopped:
            return
        self._calls.append(call)
        if self._delayed is None:
            self._delayed = self._clock.callLater(0, self._run)

    def stop(self) -> None:
        """Forget what has not run yet and whatever is still asked for."""
        self._stopped = True
        self._calls = []
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None

    def _run(self) -> None:
        self._delayed = None
        calls, self._calls = self._calls, []
        for call in calls:
            call()
