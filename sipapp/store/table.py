"""Bindings in memory: the read path that all stores share."""

from __future__ import annotations

__all__ = ["Table"]

from collections.abc import Iterator, Sequence
from itertools import islice

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sipapp.core.location import Binding, Bindings, StoreLimits, TooManyBindings, Watcher
from sipapp.errors import StoreError, WrongState

# Every address-of-record is looked at this often at least, in seconds, to find what has expired.
ROUND = 30


class Table:
    """Bindings by address-of-record, with caps, expiry and watchers; base of the stores.

    What has expired is never given out. It leaves memory when its address-of-record is written
    again, or in a sweep: once a second one slice of the table is looked at, so that no turn of
    the reactor is long however many bindings there are.

    Args:
        clock: monotonic; times expiry and the sweep.
        limits: how large the table may become.
    """

    stale = False

    def __init__(self, clock: IReactorTime, limits: StoreLimits | None = None) -> None:
        self.count = 0
        self.limits = limits or StoreLimits()
        self._clock = clock
        self._bindings: dict[str, Bindings] = {}
        self._watchers: list[Watcher] = []
        self._round: Iterator[str] = iter(())
        self._tick: IDelayedCall | None = None

    def start(self) -> Deferred[None]:
        """Begin to sweep once a second.

        Raises:
            WrongState: it runs already.
        """
        if self._tick is not None:
            raise WrongState("the store runs already")
        self._tick = self._clock.callLater(1.0, self._on_tick)
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """End the sweep.

        Raises:
            WrongState: it does not run.
        """
        if self._tick is None:
            raise WrongState("the store does not run")
        self._tick.cancel()
        self._tick = None
        return succeed(None)

    def lookup(self, aor: str) -> Bindings:
        """Give the live bindings in order of preference."""
        bindings = self._bindings.get(aor, ())
        now = self._clock.seconds()
        for binding in bindings:
            if binding.expires_at <= now:
                return self._live(bindings)
        return bindings

    def watch(self, watcher: Watcher) -> None:
        """Have ``watcher`` called after every change."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Undo ``watch``."""
        self._watchers.remove(watcher)

    def _ordered(self, aor: str, wanted: Sequence[Binding]) -> Bindings:
        """Check ``wanted``, latest first, against the caps and put it in order of preference.

        Raises:
            TooManyBindings: for this address-of-record.
            StoreError: it is new, and there is room for no more.
        """
        if len(wanted) > self.limits.bindings:
            raise TooManyBindings(f"{len(wanted)} bindings, {self.limits.bindings} allowed")
        if aor not in self._bindings and wanted and len(self._bindings) >= self.limits.aors:
            raise StoreError(f"{self.limits.aors} addresses-of-record are registered already")
        if len(wanted) < 2:
            return tuple(wanted)
        return tuple(sorted(wanted, key=lambda binding: -binding.preference))

    def _put(self, aor: str, bindings: Bindings) -> None:
        """Make ``bindings``, as :meth:`_ordered` gave them, those of ``aor``; tell the watchers."""
        before = self._bindings.get(aor, ())
        if bindings:
            self._bindings[aor] = bindings
        elif before:
            del self._bindings[aor]
        self.count += len(bindings) - len(before)
        for watcher in self._watchers:
            watcher(aor, before, bindings)

    def _live(self, bindings: Bindings) -> Bindings:
        now = self._clock.seconds()
        return tuple(binding for binding in bindings if binding.expires_at > now)

    def _on_tick(self) -> None:
        self._tick = self._clock.callLater(1.0, self._on_tick)
        self._sweep()

    def _sweep(self) -> list[str]:
        """Drop what has expired in the next slice; return who lost a binding."""
        changed = []
        now = self._clock.seconds()
        size = max(1000, len(self._bindings) // ROUND)
        for aor in islice(self._round, size):
            size -= 1
            bindings = self._bindings.get(aor, ())
            if any(binding.expires_at <= now for binding in bindings):
                self._put(aor, self._live(bindings))
                changed.append(aor)
        if size:  # the end of a round
            self._round = iter(list(self._bindings))
        return changed
