"""All connections of a transport layer: found again, capped, and swept for deadlines."""

from __future__ import annotations

__all__ = ["Connections", "Key"]

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sipapp.errors import SendFailed
from sipapp.transport.hop import Address
from sipapp.transport.limits import Counters, Limits
from sipapp.transport.stream_protocol import StreamFlow, StreamProtocol

Key = tuple[str, Address, str]
"""Transport, remote address, and the name that its certificate proved or ""."""

SWEEP = 1.0
"""Seconds between two looks at the deadlines, so their precision."""


class Connections:
    """Keeps the connections of a layer, accepted or opened.

    A flow is found by where it leads to, whoever opened it (RFC 3261 18.1.1). What its peer
    *says* it is (the sent-by of its Via) is no key: plain TCP proves nothing (RFC 5923 5).

    Deadlines cost one delayed call for all connections, and none while there are none: times are
    told in whole sweeps by ``now``.

    Args:
        barren: told of each connection of ours that ended without having brought a message.

    Attributes:
        now: the clock, as of the last sweep or the last connection.
    """

    __slots__ = (
        "_accepted",
        "_all",
        "_barren",
        "_by_key",
        "_by_source",
        "_clock",
        "_emptied",
        "_spare",
        "_sweep",
        "counters",
        "limits",
        "now",
    )  # fmt: skip

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits,
        counters: Counters,
        barren: Callable[[StreamFlow], None],
    ) -> None:
        self.limits = limits
        self.counters = counters
        self.now = clock.seconds()
        self._clock = clock
        self._sweep: IDelayedCall | None = None
        self._emptied: Deferred[None] | None = None
        # Dictionaries as ordered sets: the oldest is the first, and taking one out is not a search.
        self._all: dict[StreamProtocol, None] = {}
        self._spare: dict[StreamProtocol, None] = {}
        self._by_source: dict[str, dict[StreamProtocol, None]] = {}
        self._by_key: dict[Key, StreamFlow] = {}
        self._accepted = 0
        self._barren = barren

    def __len__(self) -> int:
        return len(self._all)

    def find(self, key: Key) -> StreamFlow | None:
        """The flow that leads there, connected or connecting."""
        return self._by_key.get(key)

    def register(self, flow: StreamFlow) -> None:
        """Have a flow found; an older one for the same place stays with whoever holds it."""
        self._by_key[(flow.transport, flow.remote, flow.name)] = flow

    def forget(self, flow: StreamFlow) -> None:
        """Have a flow found no more."""
        key = (flow.transport, flow.remote, flow.name)
        if self._by_key.get(key) is flow:
            del self._by_key[key]

    def admit(self, source: str) -> bool:
        """Whether a connection from the host ``source`` may come in.

        At a cap, the oldest connection makes room that has never carried a whole message or is on
        its way out: a crowd of silent connections, or of those that hang on half-closed, cannot
        keep a new one out, nor throw out one that works.
        """
        limits = self.limits
        same = self._by_source.get(source, {})
        fits = len(same) < limits.per_source or self._evict(same)
        if fits and (self._accepted < limits.connections or self._evict(self._spare)):
            return True
        self.counters.rejected += 1
        return False

    def _evict(self, candidates: dict[StreamProtocol, None]) -> bool:
        for connection in candidates:
            if connection in self._spare:
                self.counters.evicted += 1
                self._uncount(connection)
                self.forget(connection.flow)
                connection.flow.cut(SendFailed("closed to make room"))
                return True
        return False

    def opened(self, connection: StreamProtocol) -> None:
        """A connection is up."""
        self.now = self._clock.seconds()
        self._all[connection] = None
        if connection.source is not None:
            self._accepted += 1
            self._spare[connection] = None
            self._by_source.setdefault(connection.source, {})[connection] = None
        self.register(connection.flow)
        if self._sweep is None:
            self._sweep = self._clock.callLater(SWEEP, self._look)

    def served(self, connection: StreamProtocol) -> None:
        """Its first whole message has come."""
        self._spare.pop(connection, None)

    def leaving(self, connection: StreamProtocol) -> None:
        """It takes no new requests of ours any more."""
        self.forget(connection.flow)
        if connection in self._by_source.get(connection.source or "", ()):
            self._spare[connection] = None

    def gone(self, connection: StreamProtocol) -> None:
        """It is over."""
        if connection.source is None and not connection.served:
            self._barren(connection.flow)
        self.forget(connection.flow)
        self._uncount(connection)
        self._all.pop(connection, None)
        if not self._all:
            self._stop_sweeping()

    def _uncount(self, connection: StreamProtocol) -> None:
        self._spare.pop(connection, None)
        same = self._by_source.get(connection.source or "")
        if same is not None and connection in same:
            self._accepted -= 1
            del same[connection]
            if not same:
                del self._by_source[connection.source or ""]

    def _look(self) -> None:
        self.now = now = self._clock.seconds()
        self._sweep = self._clock.callLater(SWEEP, self._look)
        for connection in [c for c in self._all if c.deadline <= now]:
            connection.expire()

    def _stop_sweeping(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        if self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def stop(self) -> Deferred[None]:
        """Close all; fires when the last is gone, which takes ``limits.linger`` at most."""
        emptied: Deferred[None] = Deferred()
        if not self._all:
            emptied.callback(None)
            return emptied
        self._emptied = emptied
        self.now = self._clock.seconds()
        for connection in list(self._all):
            connection.close()
        return emptied
