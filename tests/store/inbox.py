"""The reactor's side of a thread for tests: calls arrive in a queue and run when a test waits."""

from __future__ import annotations

__all__ = ["Inbox"]

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")

PATIENCE = 30.0  # seconds; reached only by a test that fails


class Inbox:
    """A stand-in for ``reactor.callFromThread`` without a reactor."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = SimpleQueue()

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Take a call from any thread."""
        self._calls.put((function, arguments))

    def turn(self) -> None:
        """Run the next call, waiting until there is one."""
        function, arguments = self._calls.get(timeout=PATIENCE)
        function(*arguments)

    def wait(self, deferred: Deferred[T]) -> T:
        """Run calls until ``deferred`` has fired; return its result or raise its failure."""
        outcome: list[T | Failure] = []
        deferred.addBoth(outcome.append)
        while not outcome:
            self.turn()
        (result,) = outcome
        if isinstance(result, Failure):
            result.raiseException()
        return result
