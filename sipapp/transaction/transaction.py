"""What the four machines have in common: a request, a flow, one place on the wheel.

A transaction has at most two clocks at a time, a retransmission (A, E, G) and an end (B, F, H, or
a linger such as D), but lies on the wheel once, for whichever comes first. When it is called, the
time tells which of the two it was; ``ends`` and ``retry`` of the machine name the letter.
"""

from __future__ import annotations

__all__ = ["Transaction"]

from collections.abc import Mapping
from typing import Any, ClassVar

from sipapp.message.message import Request
from sipapp.transaction.machine import Event, State, Table, fire
from sipapp.transaction.matching import Key
from sipapp.transaction.timers import Timers
from sipapp.transaction.wheel import TimerWheel
from sipapp.transport.flow import Flow


class Transaction:
    """One request and its responses, on one side of one hop.

    RFC: 3261 17.

    Attributes:
        request: the request that created it, until its final response has passed. It is let go
            then, because the transaction lingers for half a minute.
        flow: the client's way out, or the way the server's request came in.
        state: a box of the figure; written by `fire` alone.
        key: under which the layer finds it.
        due: its place on the wheel.
    """

    __slots__ = (
        "_end", "_interval", "_timers", "_wheel", "_wire", "due", "flow", "key", "request", "state",
    )  # fmt: skip

    table: ClassVar[Table[Any]]
    retry: ClassVar[Event]
    ends: ClassVar[Mapping[State, Event]]

    request: Request
    flow: Flow
    key: Key
    state: State
    due: int
    _wheel: TimerWheel
    _timers: Timers
    _interval: float
    _end: float
    _wire: bytes  # what a retransmission sends, kept once

    @property
    def finished(self) -> bool:
        """Whether the final response has passed, or the transaction ended without one."""
        return self.state not in _OPEN

    def on_timer(self, now: float) -> None:
        """Called by the wheel."""
        fire(self, self.retry if now < self._end else self.ends[self.state])

    def leave(self) -> None:
        """Terminated was entered: stop the clock and tell the layer."""
        raise NotImplementedError

    def abandon(self) -> None:
        """End without telling anybody; who may be told is let go, so that no cycle stays."""
        raise NotImplementedError

    def _linger(self, delay: float) -> None:
        """Arm for the end alone; what was armed before is replaced."""
        self._end = self._wheel.arm(self, delay) + delay

    def _linger_if_unreliable(self, delay: float) -> None:
        """Arm for the end of a wait that exists for retransmissions only (D, I, J, K)."""
        if self.flow.reliable:
            delay = 0.0
        self._end = self._wheel.arm(self, delay) + delay

    def _arm_retry(self) -> None:
        """Arm for the next retransmission, or for the end if that comes first."""
        wheel = self._wheel
        wheel.arm(self, min(self._interval, self._end - wheel.seconds()))


_OPEN = frozenset({State.CALLING, State.TRYING, State.PROCEEDING})
