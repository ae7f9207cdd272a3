"""Bindings in memory for reading, and in a medium that is slow or far away for keeping.

Theory of operation. The medium takes the whole list of an address-of-record at a time, so a write
can be repeated, and the later one wins. An update computes the new list from memory, has it
written, and only then changes memory and answers. While that goes on, further updates of the same
address-of-record stand in line behind it: each starts from what the one before has left. Others do
not wait for it. When the medium refuses, memory stays as it was.

An answer that takes longer than the budget is not waited for: the caller gets ``StoreError``. The
line moves on only when the outcome is known, so memory and medium cannot come to differ in order.
"""

from __future__ import annotations

__all__ = ["WriteThrough"]

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sipapp.core.location import Bindings, Change, StoreLimits
from sipapp.errors import StoreError
from sipapp.store.table import Table

# Updates of one address-of-record that may stand in line: nobody fills the store's queue alone.
LINE_LIMIT = 32


@dataclass(slots=True, eq=False)
class _Update:
    """One call of ``update`` that was not answered yet."""

    aor: str
    change: Change
    deadline: float
    done: Deferred[Bindings] = field(default_factory=Deferred)


class WriteThrough(Table, ABC):
    """Base of the stores whose bindings outlive the process.

    Args:
        clock: monotonic; times expiry, the sweep and the budget (to the second).
        limits: how large and how slow it may become.
    Attributes:
        waiting: updates that were not answered yet.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, limits: StoreLimits | None = None) -> None:
        super().__init__(clock, limits)
        self.waiting = 0
        self._lines: dict[str, deque[_Update]] = {}
        self._by_deadline: deque[_Update] = deque()
        self._deletions = 0
        self._idle: Deferred[None] | None = None

    @abstractmethod
    def _write(self, aor: str, bindings: Bindings) -> Deferred[None]:
        """Replace what the medium has for ``aor``.

        Calls for one address-of-record take effect in their order. Fires when the bindings are
        durable, or fails with ``StoreError``.
        """

    def stop(self) -> Deferred[None]:
        """Answer what waits, then end; fires when the medium has no work left."""
        super().stop()
        idle = self._idle = Deferred()
        self._tell_idle()
        return idle

    def _tell_idle(self) -> None:
        if self._idle is not None and not self._lines and not self._deletions:
            idle, self._idle = self._idle, None
            idle.callback(None)

    def update(self, aor: str, change: Change) -> Deferred[Bindings]:
        """Change the bindings of one address-of-record; fires when that is durable."""
        if self._tick is None:
            return fail(StoreError("the store does not run"))
        line = self._lines.get(aor)
        if self.waiting >= self.limits.updates or (line and len(line) >= LINE_LIMIT):
            return fail(StoreError("too many updates wait already"))
        update = _Update(aor, change, self._clock.seconds() + self.limits.budget)
        self.waiting += 1
        self._by_deadline.append(update)
        if line is None:
            self._lines[aor] = deque((update,))
            self._serve(aor)
        else:
            line.append(update)
        return update.done

    def _serve(self, aor: str) -> None:
        """Carry out what stands in the line of ``aor``, up to the first that takes time."""
        line = self._lines[aor]
        while line:
            update = line[0]
            if update.done.called:  # nobody waits any more
                line.popleft()
                continue
            outcome = maybeDeferred(self._begin, update)
            outcome.addBoth(self._answer, update)
            if line and line[0] is update:
                outcome.addBoth(lambda _: self._serve(aor))
                return
        del self._lines[aor]
        self._tell_idle()

    def _begin(self, update: _Update) -> Deferred[Bindings]:
        bindings = self._ordered(update.aor, update.change(self.lookup(update.aor)))
        return self._write(update.aor, bindings).addCallbacks(
            self._written, self._not_written, (update.aor, bindings)
        )

    def _written(self, _: None, aor: str, bindings: Bindings) -> Bindings:
        if self.stale:
            self.stale = False
            self.log.warn("registrations are kept again")
        self._put(aor, bindings)
        return bindings

    def _not_written(self, reason: Failure) -> Failure:
        self._fell_behind(reason.value)
        return reason

    def _fell_behind(self, cause: object) -> None:
        """Say once that the medium fails: the 503s that follow tell phones, but no operator."""
        if not self.stale:
            self.stale = True
            self.log.error("registrations cannot be kept: {cause}", cause=str(cause))

    def _answer(self, answer: Bindings | Failure, update: _Update) -> None:
        self._lines[update.aor].popleft()
        self._fire(update, answer)
        while self._by_deadline and self._by_deadline[0].done.called:
            self._by_deadline.popleft()

    def _fire(self, update: _Update, answer: Bindings | Failure | StoreError) -> None:
        if update.done.called:  # the budget was spent before
            return
        self.waiting -= 1
        if isinstance(answer, tuple):
            update.done.callback(answer)
        else:
            update.done.errback(answer)

    def _on_tick(self) -> None:
        super()._on_tick()
        now = self._clock.seconds()
        while self._by_deadline and self._by_deadline[0].deadline <= now:
            update = self._by_deadline.popleft()
            late = StoreError(f"no answer within {self.limits.budget:g} s")
            if not update.done.called:
                self._fell_behind(late)
            self._fire(update, late)

    def _sweep(self) -> list[str]:
        """Drop what has expired from memory, then from the medium."""
        changed = super()._sweep()
        for aor in changed:
            # If an update is under way, it writes the whole list anyway.
            if aor not in self._lines:
                self._deletions += 1
                self._write(aor, self._bindings.get(aor, ())).addBoth(self._deleted)
        return changed

    def _deleted(self, outcome: Failure | None) -> Failure | None:
        """Take note. What could not be deleted is skipped when it is loaded."""
        self._deletions -= 1
        self._tell_idle()
        if outcome is None or not isinstance(outcome.value, StoreError):
            return outcome
        self._fell_behind(outcome.value)
        return None
