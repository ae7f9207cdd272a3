"""The rules every location store has to keep, as tests that its author runs.

Derive from :class:`LocationStoreRules`, say how to make a store, and let pytest collect it::

    class MyStoreTests(LocationStoreRules):  # or Test..., as your pytest collects
        def make_bench(self):
            return MyBench()

Everything runs in virtual time. A store that needs threads or sockets lets its bench wait for them
in ``result``; no rule looks at real time.
"""

from __future__ import annotations

__all__ = ["Bench", "LocationStoreRules", "made", "only"]

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sipapp.core.location import (
    Binding,
    Bindings,
    Change,
    LocationStore,
    Received,
    StoreLimits,
    TooManyBindings,
)
from sipapp.errors import StoreError

T = TypeVar("T")

ALICE = "sip:alice@example.com"
BOB = "sip:bob@example.com"
LIMITS = StoreLimits(bindings=3, aors=5, updates=50, budget=20.0)
"""The limits that :meth:`Bench.store` is to give its stores."""


class Bench(ABC):
    """A medium with a store on it, on a clock of its own.

    Attributes:
        durable: what was acknowledged outlives the store.
        clock: the monotonic clock of the store.
    """

    durable = True

    def __init__(self) -> None:
        self.clock = Clock()

    @abstractmethod
    def store(self) -> LocationStore:
        """Make a store with ``LIMITS`` on the medium; the one before has been stopped."""

    def open(self) -> LocationStore:
        """Start a store."""
        self.opened = self.store()
        self.result(self.opened.start())
        return self.opened

    def shut(self) -> None:
        """Stop the store, and see that no delayed call is left."""
        self.result(self.opened.stop())
        assert self.clock.getDelayedCalls() == []

    def reopen(self) -> LocationStore:
        """Stop the store and start another one on the same medium."""
        self.shut()
        return self.open()

    def result(self, deferred: Deferred[T]) -> T:
        """Return what ``deferred`` fires with or raise what it fails with, making time pass."""
        outcome: list[T | Failure] = []
        deferred.addBoth(outcome.append)
        for _ in range(1000):
            if outcome:
                break
            self.step()
        assert outcome, "the Deferred never fired"
        result = outcome[0]
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def step(self) -> None:
        """Let a little happen. Unless overridden, 0.1 s pass."""
        self.clock.advance(0.1)

    def step_wall_clock(self, seconds: float) -> None:  # noqa: B027 - a store may know no wall clock
        """Move the wall clock, and only that."""

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Have the medium refuse or lose every write meanwhile. Overridden if ``durable``."""
        yield

    def close(self) -> None:  # noqa: B027 - memory has nothing to close
        """Give the medium back."""


def made(contact: str, **fields: object) -> Binding:
    """Make a binding with usual values; ``expires_at`` is second 10,000."""
    values: dict[str, object] = {"call_id": "call-1", "cseq": 1, "expires_at": 10_000.0, **fields}
    return Binding(contact, **values)  # type: ignore[arg-type]


def only(*bindings: Binding) -> Change:
    """Give the change that leaves just these bindings, latest first."""
    return lambda _: bindings


def first(binding: Binding) -> Change:
    """Give the change that puts one binding in front of those that are there."""
    return lambda known: [binding, *known]


class LocationStoreRules(ABC):
    """Rules of :class:`sipapp.core.location.LocationStore`; RFC 3261 10.3, talk ids [R05][R06]."""

    @abstractmethod
    def make_bench(self) -> Bench:
        """Make a fresh medium."""

    @contextmanager
    def running(self) -> Iterator[tuple[Bench, LocationStore]]:
        """Give a bench and a started store, and put both away at the end."""
        bench = self.make_bench()
        yield bench, bench.open()
        bench.shut()
        bench.close()

    def test_nobody_is_registered_at_first(self) -> None:
        """An unknown address-of-record has no bindings."""
        with self.running() as (_, store):
            assert (store.lookup(ALICE), store.count, store.stale) == ((), 0, False)

    def test_what_was_written_is_found(self) -> None:
        """The Deferred fires with what lookup gives from then on; others are not touched."""
        binding = made("sip:alice@192.0.2.1")
        with self.running() as (bench, store):
            assert bench.result(store.update(ALICE, only(binding))) == (binding,)
            assert store.lookup(ALICE) == (binding,)
            assert store.lookup(BOB) == ()
            assert store.count == 1

    def test_every_field_is_kept(self) -> None:
        """Whatever a phone may register comes back, also after a restart of a durable store."""
        odd = '"quoted \\" \\x41 \x00\x07" gr\u00fc\u00df \udcff\udc80 \'; DROP TABLE binding'
        received = str(Received("UDP", "[2001:db8::1]:5060", ("2001:db8::9", 40000)))
        full = made(
            "sip:%00@[2001:db8::9];transport=udp?Route=%3Csip:sip.example.com%3E",
            call_id=odd,
            cseq=2**32 - 1,
            q=0,
            params=";x=" + odd,
            path=("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr;x=" + odd + ">"),
            instance="<urn:uuid:00000000-0000-4000-8000-00000000a001>",
            reg_id=2**31 - 1,
            user_agent=odd,
            received=received,
        )
        plain = made("sip:alice@192.0.2.1")
        with self.running() as (bench, store):
            bench.result(store.update(ALICE, only(full, plain)))
            assert store.lookup(ALICE) == (plain, full)
            if bench.durable:
                assert without_time(bench.reopen().lookup(ALICE)) == without_time((plain, full))

    def test_best_q_comes_first_then_the_latest(self) -> None:
        """RFC 3261 16.6: order by q; no q counts as 1.0; equals in the order they were given."""
        low, middle, none = made("sip:a@h", q=1), made("sip:b@h", q=500), made("sip:c@h")
        with self.running() as (bench, store):
            bench.result(store.update(ALICE, only(low, middle, none)))
            assert store.lookup(ALICE) == (none, middle, low)
            latest = made("sip:d@h", q=1000)
            bench.result(store.update(ALICE, only(latest, none, middle)))
            assert store.lookup(ALICE) == (latest, none, middle)

    def test_refused_change_changes_nothing(self) -> None:
        """RFC 3261 10.3: all or nothing; the caller gets its own exception back."""
        binding = made("sip:alice@192.0.2.1")

        def refuse(known: Bindings) -> Bindings:
            assert known == (binding,)
            raise KeyError("refused on purpose")

        with self.running() as (bench, store):
            bench.result(store.update(ALICE, only(binding)))
            assert raised(KeyError, lambda: bench.result(store.update(ALICE, refuse)))
            assert store.lookup(ALICE) == (binding,)
            assert store.stale is False

    def test_racing_updates_are_serialised(self) -> None:
        """Two REGISTERs of one user at once: the second starts from what the first has left."""
        one, two, three = made("sip:a@h"), made("sip:b@h"), made("sip:c@h")
        with self.running() as (bench, store):
            waiting = [store.update(ALICE, first(binding)) for binding in (one, two, three)]
            others = store.update(BOB, only(one))
            assert [bench.result(done) for done in waiting] == [
                (one,),
                (two, one),
                (three, two, one),
            ]
            assert bench.result(others) == (one,)
            assert store.lookup(ALICE) == (three, two, one)

    def test_nothing_is_seen_before_it_is_durable(self) -> None:
        """design.md decision 10: committed means visible, and the other way round."""
        binding = made("sip:alice@192.0.2.1")
        with self.running() as (bench, store):
            done = store.update(ALICE, only(binding))
            assert store.lookup(ALICE) == ((binding,) if done.called else ())
            bench.result(done)

    def test_removed_bindings_are_gone(self) -> None:
        """RFC 3261 10.2.2: also after a restart."""
        with self.running() as (bench, store):
            bench.result(store.update(ALICE, only(made("sip:a@h"), made("sip:b@h"))))
            bench.result(store.update(ALICE, only(made("sip:b@h"))))
            assert store.count == 1
            bench.result(store.update(ALICE, only()))
            assert (store.lookup(ALICE), store.count) == ((), 0)
            again = bench.reopen()
            assert (again.lookup(ALICE), again.count) == ((), 0)

    def test_bindings_end_in_time(self) -> None:
        """Given until their second and not in it; a change is not shown what is over."""
        with self.running() as (bench, store):
            now = bench.clock.seconds()
            short, long = made("sip:a@h", expires_at=now + 100), made("sip:b@h")
            bench.result(store.update(ALICE, only(short, long)))
            bench.clock.advance(now + 99.5 - bench.clock.seconds())
            assert store.lookup(ALICE) == (short, long)
            bench.clock.advance(0.5)
            assert store.lookup(ALICE) == (long,)
            new = made("sip:c@h")
            assert bench.result(store.update(ALICE, first(new))) == (new, long)

    def test_what_is_over_leaves_memory_unasked(self) -> None:
        """The sweep finds it within a minute and tells the watchers."""
        seen: list[tuple[str, Bindings, Bindings]] = []
        with self.running() as (bench, store):
            binding = made("sip:a@h", expires_at=bench.clock.seconds() + 100)
            bench.result(store.update(ALICE, only(binding)))
            store.watch(lambda aor, old, new: seen.append((aor, old, new)))
            bench.clock.pump([1.0] * 160)
            assert (store.count, seen) == (0, [(ALICE, (binding,), ())])

    def test_watchers_are_told_before_and_after(self) -> None:
        """Registered, refreshed, unregistered: one call for each change, none for a refused one."""
        seen: list[tuple[str, Bindings, Bindings]] = []

        def watcher(aor: str, before: Bindings, after: Bindings) -> None:
            seen.append((aor, before, after))

        one, two = made("sip:a@h"), made("sip:a@h", cseq=2)
        with self.running() as (bench, store):
            store.watch(watcher)
            for change in (only(one), only(two), only()):
                bench.result(store.update(ALICE, change))
            store.unwatch(watcher)
            bench.result(store.update(ALICE, only(one)))
        assert seen == [(ALICE, (), (one,)), (ALICE, (one,), (two,)), (ALICE, (two,), ())]

    def test_a_user_has_a_limit(self) -> None:
        """hostile.md E12: one binding too many is refused with a 403, and nothing changes."""
        some = [made(f"sip:{n}@h") for n in range(LIMITS.bindings)]
        with self.running() as (bench, store):
            bench.result(store.update(ALICE, only(*some)))
            failing = store.update(ALICE, first(made("sip:more@h")))
            assert raised(TooManyBindings, lambda: bench.result(failing))
            assert store.lookup(ALICE) == tuple(some)
            bench.result(store.update(BOB, only(*some)))

    def test_the_table_has_a_limit(self) -> None:
        """hostile.md E12: no new user beyond the cap, the old ones are served."""
        binding = made("sip:a@h")
        with self.running() as (bench, store):
            for n in range(LIMITS.aors):
                bench.result(store.update(f"sip:{n}@h", only(binding)))
            failing = store.update(ALICE, only(binding))
            assert raised(StoreError, lambda: bench.result(failing))
            assert store.lookup(ALICE) == ()
            bench.result(store.update("sip:0@h", only()))
            assert bench.result(store.update(ALICE, only(binding))) == (binding,)

    def test_a_restart_loses_nothing_acknowledged(self) -> None:
        """A durable store has its bindings back, in order, for the time that is left."""
        one, two = made("sip:a@h", q=100), made("sip:b@h", q=100)
        with self.running() as (bench, store):
            over = made("sip:c@h", expires_at=bench.clock.seconds() + 60)
            bench.result(store.update(ALICE, only(one, two, over)))
            bench.result(store.update(BOB, only(over)))
            bench.clock.advance(100)
            again = bench.reopen()
            known = again.lookup(ALICE)
            assert without_time(known) == (without_time((one, two)) if bench.durable else [])
            assert all(abs(binding.expires_at - 10_000) < 0.01 for binding in known)
            assert again.lookup(BOB) == ()

    def test_a_step_of_the_wall_clock_ends_nothing(self) -> None:
        """hostile.md F13: an hour forth or back while the store runs."""
        binding = made("sip:a@h")
        with self.running() as (bench, store):
            bench.result(store.update(ALICE, only(binding)))
            for step in (3600.0, -7200.0):
                bench.step_wall_clock(step)
                bench.clock.pump([1.0] * 60)
                assert store.lookup(ALICE) == (binding,)

    def test_a_clock_that_went_back_grants_nothing(self) -> None:
        """F13 across a restart: no binding lives longer than it was granted."""
        with self.running() as (bench, store):
            granted_at = bench.clock.seconds()
            binding = made("sip:a@h", expires_at=granted_at + 300)
            bench.result(store.update(ALICE, only(binding)))
            bench.step_wall_clock(-86_400.0)
            again = bench.reopen()
            left = [b.expires_at - bench.clock.seconds() for b in again.lookup(ALICE)]
            assert left == [] or 0 < left[0] <= 300

    def test_an_outage_refuses_writes_and_nothing_else(self) -> None:
        """hostile.md F4: StoreError in bounded time, lookups go on, service comes back."""
        old, new = made("sip:a@h"), made("sip:b@h")
        with self.running() as (bench, store):
            bench.result(store.update(ALICE, only(old)))
            if not bench.durable:
                return
            with bench.outage():
                started = bench.clock.seconds()
                failing = [store.update(ALICE, first(new)), store.update(BOB, only(new))]
                assert raised(StoreError, lambda: bench.result(failing[0]))
                assert raised(StoreError, lambda: bench.result(failing[1]))
                assert bench.clock.seconds() - started < 2 * LIMITS.budget + 2
                assert (store.lookup(ALICE), store.lookup(BOB)) == ((old,), ())
                assert store.stale is True
            assert bench.result(store.update(ALICE, first(new))) == (new, old)
            assert store.stale is False

    def test_stopping_answers_everybody(self) -> None:
        """An update that waits when the store stops is finished, or fails; it is not forgotten."""
        with self.running() as (bench, store):
            waiting = [store.update(ALICE, first(made(f"sip:{n}@h"))) for n in range(3)]
            answers: list[object] = []
            for done in waiting:
                done.addBoth(answers.append)
            bench.reopen()
            assert len(answers) == 3


def without_time(bindings: Sequence[Binding]) -> list[tuple[object, ...]]:
    """Give the bindings as values to compare, without the second at which they end."""
    names = [name for name in Binding.__slots__ if name not in ("expires_at", "flow")]
    return [tuple(getattr(binding, name) for name in names) for binding in bindings]


def raised(expected: type[Exception], call: Callable[[], object]) -> bool:
    """Tell whether ``call`` raises ``expected``; anything else it raises goes through."""
    try:
        call()
    except expected:
        return True
    return False
