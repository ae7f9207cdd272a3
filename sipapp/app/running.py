"""Runs the coroutine of an application.

`Deferred.fromCoroutine` copies a context and builds a Deferred for a result that nobody
waits for: 5 us a call, where stepping the coroutine ourselves costs less than one. Errors are
the coroutine's own business; one that escapes it is a bug of ours and is logged.
"""

from __future__ import annotations

__all__ = ["Running"]

from asyncio import isfuture
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sipapp.errors import UsageError

_log = Logger()


def _nothing() -> None:
    pass


class Running:
    """A coroutine under way. It may await Deferreds, coroutines, futures and tasks of asyncio.

    What looks for the current task, as timeouts of asyncio do, needs a task of its own:
    ``await asyncio.create_task(...)``.

    Args:
        coroutine: is started by `start`.
        waits: called each time the coroutine has begun to wait for something.
    """

    __slots__ = ("_awaited", "_coroutine", "_error", "_waits")

    def __init__(
        self, coroutine: Coroutine[Any, Any, None], waits: Callable[[], None] = _nothing
    ) -> None:
        self._coroutine = coroutine
        self._waits = waits
        self._awaited: Deferred[Any] | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        """Run the coroutine until it waits or ends."""
        self._step(None)

    @property
    def waiting(self) -> bool:
        """Whether the coroutine waits for something at the moment."""
        return self._awaited is not None

    def interrupt(self, error: Exception) -> None:
        """Cancel what the coroutine waits for, and raise ``error`` there; else do nothing.

        A future of asyncio tells in a later turn that it is cancelled; the error is raised then.
        """
        if self._awaited is not None:
            self._error = error
            self._awaited.cancel()

    def _step(self, result: object) -> None:
        """Go on to the next unfired Deferred; it hands over its result, but no failure, itself."""
        self._awaited = None
        error, self._error = self._error, None
        if error is None and isinstance(result, Failure):
            error = result.value  # type: ignore[assignment]
        try:
            coroutine = self._coroutine
            awaited = coroutine.send(None) if error is None else coroutine.throw(error)
            while not isinstance(awaited, Deferred):
                if isfuture(awaited):
                    awaited = Deferred.fromFuture(awaited)
                    break
                wrong = f"an application awaited {awaited!r}, which is no Deferred and no future"
                awaited = coroutine.throw(UsageError(wrong))
        except StopIteration:
            self._waits = _nothing  # it belongs to whoever holds this: no circle may stay
        except Exception:  # nothing may reach the reactor or the peer's next message
            self._waits = _nothing
            _log.failure("a coroutine failed", Failure())  # type: ignore[no-untyped-call]
        else:
            self._awaited = awaited
            awaited.addBoth(self._step)
            if self._awaited is awaited:  # it had not fired in the meantime
                self._waits()
