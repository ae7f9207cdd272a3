"""When the cyclic garbage collector runs.

What a call leaves behind is freed by reference count alone (tests hold the stack to that), so
the collector finds nothing on the call path, but it looks at every object that lives through
Timer J: at 1,500 calls a second that is a pause of most of a second every quarter of a minute.
So the older generations are collected in quiet minutes only, for the cycles that applications
and libraries make.
"""

from __future__ import annotations

__all__ = ["QuietCollector"]

import gc
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

_YOUNG = 100_000
"""Objects made and not freed after which the youngest are looked at: 20 ms, rarely."""

_NEVER = 100_000
_PERIOD = 60.0
_QUIET = 2_000
"""Transactions below which a full collection takes no more than some 50 ms."""


class QuietCollector:
    """Collects what is old when there is little to do.

    Args:
        clock: for the look once a minute.
        busy: how many transactions there are.
    """

    def __init__(self, clock: IReactorTime, busy: Callable[[], int]) -> None:
        self._busy = busy
        self._look = LoopingCall(self._collect)
        self._look.clock = clock

    def start(self) -> None:
        """Freeze what start-up left and take over the thresholds."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, _NEVER, _NEVER)
        self._look.start(_PERIOD, now=False)

    def stop(self) -> None:
        """Give the collector its usual manners back; nothing to do if it was not started."""
        if not self._look.running:
            return
        self._look.stop()
        gc.set_threshold(700, 10, 10)
        gc.unfreeze()

    def _collect(self) -> None:
        if self._busy() < _QUIET:
            gc.collect()
