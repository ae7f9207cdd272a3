"""Runs the coroutine of an application.

`Deferred.fromCoroutine` copies a context and builds a Deferred for a result that nobody
waits for: 5 us a call, where stepping the coroutine ourselves costs less than one. Errors are
the coroutine's own business; one that escapes it is a bug of ours and is logged.
"""

from __future__ import annotations

__all__ = ["run"]

from asyncio import isfuture
from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sipapp.errors import UsageError

_log = Logger()


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Start ``coroutine``; it may await Deferreds, coroutines, and futures and tasks of asyncio.

    What looks for the current task, as timeouts of asyncio do, needs a task of its own:
    ``await asyncio.create_task(...)``.
    """
    _step(None, coroutine)


def _step(result: object, coroutine: Coroutine[Any, Any, None]) -> None:
    """Go on to the next unfired Deferred; it hands its result, but no failure, over by itself."""
    try:
        if isinstance(result, Failure):
            awaited = coroutine.throw(result.value)  # type: ignore[arg-type]
        else:
            awaited = coroutine.send(None)
        while not isinstance(awaited, Deferred):
            if isfuture(awaited):
                awaited = Deferred.fromFuture(awaited)
                break
            error = UsageError(
                f"an application awaited {awaited!r}, which is no Deferred and no future"
            )
            awaited = coroutine.throw(error)
    except StopIteration:
        return
    except Exception:  # nothing may reach the reactor or the peer's next message
        _log.failure("a coroutine failed", Failure())  # type: ignore[no-untyped-call]
    else:
        awaited.addBoth(_step, coroutine)
