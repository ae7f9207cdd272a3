"""The location service as everybody sees it: what a binding is, and what a store of them must do.

The service maps an address-of-record to the contacts where its user can be reached. Who asks
(proxy, redirect server, registrar) never waits: ``lookup`` answers from memory. Who changes
(registrar) is answered when the change is as durable as the store can make it.

RFC: 3261 10 (registrations), 3327 (Path), 5626 (flows).
"""

from __future__ import annotations

__all__ = [
    "Binding",
    "Bindings",
    "Change",
    "LocationStore",
    "Received",
    "StoreLimits",
    "TooManyBindings",
    "Watcher",
]

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from twisted.internet.defer import Deferred

from sipapp.errors import StoreError
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Address


@dataclass(slots=True)
class Binding:
    """One contact of one address-of-record; immutable by rule, shared by all who look it up.

    There may be a million of them, so there is no field that can be computed, and what is usually
    the same (empty texts, the User-Agent of a phone model) is one object for all.

    Attributes:
        contact: the URI as registered, without angle brackets.
        call_id: Call-ID of the REGISTER that wrote it last (RFC 3261 10.3 step 7).
        cseq: CSeq number of that REGISTER.
        expires_at: second of the monotonic clock at which it is over.
        q: preference in thousandths, 0 to 1000; None when it was not given, which counts as 1000.
        params: other Contact parameters as registered, each with its leading semicolon.
        path: Path values to put into Route in front of the contact, nearest hop first (RFC 3327).
        instance: ``+sip.instance`` as registered, without quotes, or empty (RFC 5626).
        reg_id: 1 to 2**31-1, or 0 when there was none.
        user_agent: User-Agent of the phone, for people.
        received: a :class:`Received` as text when the contact itself leads nowhere (NAT): the
            phone is reached through that flow only. Empty when the contact can be trusted.
        flow: the live connection it was registered over; None for datagrams and after a restart.
    """

    contact: str
    call_id: str
    cseq: int
    expires_at: float
    q: int | None = None
    params: str = ""
    path: tuple[str, ...] = ()
    instance: str = ""
    reg_id: int = 0
    user_agent: str = ""
    received: str = ""
    flow: Flow | None = field(default=None, compare=False)

    @property
    def preference(self) -> int:
        """The q to sort by, in thousandths (RFC 3261 16.6)."""
        return 1000 if self.q is None else self.q


@dataclass(frozen=True, slots=True)
class Received:
    """The flow a REGISTER came over, in a form that survives a restart.

    A datagram flow can be taken up again: send from ``sent_by`` to ``remote``. A connection can
    not; its binding is dead until the phone comes back.

    Attributes:
        transport: as Via spells it.
        sent_by: ``host[:port]`` of our listener, as the flow has it.
        remote: source address of the REGISTER.
    """

    transport: str
    sent_by: str
    remote: Address

    def __str__(self) -> str:
        return f"{self.transport} {self.sent_by} {self.remote[0]} {self.remote[1]}"

    @classmethod
    def parse(cls, text: str) -> Received:
        """Read what ``str`` wrote.

        Raises:
            ValueError: it is something else.
        """
        transport, sent_by, host, port = text.split(" ")
        if not (transport and sent_by and host and 0 < int(port) < 65536):
            raise ValueError("not a flow")
        return cls(transport, sent_by, (host, int(port)))


Bindings = tuple[Binding, ...]
"""All bindings of one address-of-record: highest q first, among equals the latest registered."""

Change = Callable[[Bindings], Sequence[Binding]]
"""Turns the live bindings of an address-of-record into those it shall have, latest first.

May raise to refuse: then nothing changes. Called exactly once or, when the store refuses, never.
"""

Watcher = Callable[[str, Bindings, Bindings], None]
"""Told about every change: the address-of-record, its bindings before and after. Must not raise."""


class TooManyBindings(StoreError):
    """An address-of-record has as many bindings as it may; the oldest are not thrown away.

    A phone that lost its state keeps the bindings of its earlier lives until they expire. To drop
    a stranger's binding for a new one would let any one phone of a user shut out the others.
    """

    status_hint = 403


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How large a store may become (hostile.md E12).

    Attributes:
        bindings: of one address-of-record; one more fails with ``TooManyBindings``.
        aors: addresses-of-record; one more fails with ``StoreError`` until others have expired.
        updates: that may wait for a slow medium; one more fails with ``StoreError``.
        budget: seconds after which a waiting update fails. Well below Timer F (32 s), so that the
            phone hears a 503 rather than nothing.
    """

    bindings: int = 10
    aors: int = 1_000_000
    updates: int = 10_000
    budget: float = 5.0


class LocationStore(Protocol):
    """Keeps bindings by canonical address-of-record (``SipUri.aor()``).

    All methods are called in the reactor's thread, between ``start`` and ``stop``. Bindings expire
    on the monotonic clock the store was given; a step of the wall clock changes nothing
    (hostile.md F13). ``sipapp.app.testing.conformance`` checks an implementation.
    """

    @property
    def count(self) -> int:
        """Bindings in memory, counting expired ones that were not swept yet."""
        ...

    @property
    def stale(self) -> bool:
        """Whether the last write failed: lookups go on, from what was known before."""
        ...

    def start(self) -> Deferred[None]:
        """Load what was kept; fails with ``StoreError``. Bad rows are skipped and counted."""
        ...

    def stop(self) -> Deferred[None]:
        """End all activity, leave no delayed call; waiting updates are finished or fail."""
        ...

    def lookup(self, aor: str) -> Bindings:
        """Give the live bindings; empty when nobody is registered."""
        ...

    def update(self, aor: str, change: Change) -> Deferred[Bindings]:
        """Read, change and write the bindings of one address-of-record as one atomic step.

        Updates of one address-of-record happen one after the other, in the order of the calls.
        Lookups see the new bindings when the Deferred fires, and not before.

        Returns: fires with what ``lookup`` gives from now on, when it is durable. Fails with what
            ``change`` raised, or with ``StoreError`` within a bounded time; nothing has changed
            then, except that a medium which did not answer in time may turn out to have written.
        """
        ...

    def watch(self, watcher: Watcher) -> None:
        """Have ``watcher`` called after every change, and when bindings were found to be over."""
        ...

    def unwatch(self, watcher: Watcher) -> None:
        """Undo ``watch``."""
        ...
