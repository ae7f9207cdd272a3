"""The timer wheel: never early, at most a tick late, in order, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from sys import getsizeof

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from sipapp.transaction.wheel import IDLE, TimerWheel

TICK = 0.05


class Note:
    """An entry that writes down when it was called."""

    def __init__(self, name: str, fired: list[tuple[str, float]]) -> None:
        self.due = IDLE
        self.name = name
        self.fired = fired
        self.then: Callable[[], object] = lambda: None

    def on_timer(self, now: float) -> None:
        self.fired.append((self.name, round(now, 6)))
        self.then()


class Desk:
    """A wheel on a clock, and what its entries wrote."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.fired: list[tuple[str, float]] = []
        self.failures: list[Exception] = []
        self.wheel = TimerWheel(self.clock, TICK, failed=self.failures.append)

    def arm(self, name: str, delay: float) -> Note:
        """Arm a new entry."""
        note = Note(name, self.fired)
        self.wheel.arm(note, delay)
        return note

    @property
    def names(self) -> list[str]:
        """Who fired, in order."""
        return [name for name, _ in self.fired]


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A wheel; no delayed call may be left when everything has fired or was disarmed."""
    desk = Desk()
    yield desk
    assert len(desk.wheel) == 0
    assert desk.clock.getDelayedCalls() == []


def test_fires_once_at_its_time(desk: Desk) -> None:
    """An entry whose time falls on a tick is on time; then it is no longer armed."""
    note = desk.arm("a", 0.5)
    desk.clock.pump([0.25, 0.2, 0.05, 0.5, 60])
    assert desk.fired == [("a", 0.5)]
    assert note.due == IDLE


def test_between_two_ticks_it_waits_for_the_later(desk: Desk) -> None:
    """Late rather than early."""
    desk.arm("a", 0.51)
    desk.clock.advance(0.52)
    assert desk.fired == []
    desk.clock.advance(0.03)
    assert desk.names == ["a"]


def test_rounding_does_not_make_it_early(desk: Desk) -> None:
    """0.8500000000000001 * 20 is 17 in floating point, and so is 17 / 20 * 20: one tick more."""
    desk.arm("a", 0.8500000000000001)
    desk.clock.advance(0.85)
    assert desk.fired == []
    desk.clock.advance(0.05)
    assert desk.names == ["a"]


def test_a_clock_just_short_of_a_tick_has_not_reached_it(desk: Desk) -> None:
    """0.44999999999999996 * 20 is 9 in floating point, but the time is not 9 / 20."""
    desk.arm("late", 0.1)
    desk.arm("later", 0.45)
    desk.clock.advance(0.44999999999999996)
    assert desk.names == ["late"]
    desk.clock.advance(0.01)
    assert desk.names == ["late", "later"]


@given(
    start=st.floats(0, 2e9),
    delays=st.lists(st.floats(0, 200), min_size=1, max_size=20),
    steps=st.lists(st.floats(0.001, 3), max_size=60),
)
def test_never_early_and_at_most_a_tick_late(
    start: float, delays: list[float], steps: list[float]
) -> None:
    """Whatever the clock shows and however it moves, counted to the turn of the reactor."""
    desk = Desk()
    desk.clock.advance(start)
    began = desk.clock.seconds()
    for number, delay in enumerate(delays):
        desk.arm(str(number), delay)
    now = began
    for step in [*steps, 260.0]:
        before = len(desk.fired)
        desk.clock.advance(step)
        previous, now = now, desk.clock.seconds()
        for name, _ in desk.fired[before:]:
            when = began + delays[int(name)]
            assert when <= now
            assert when + TICK + 1e-6 >= previous
    assert sorted(desk.names, key=int) == [str(number) for number in range(len(delays))]
    assert desk.clock.getDelayedCalls() == []


def test_one_delayed_call_for_everything(desk: Desk) -> None:
    """However many entries there are; it is set for the earliest of them."""
    notes = [desk.arm(str(n), 10 - n) for n in range(9)]
    assert [call.getTime() for call in desk.clock.getDelayedCalls()] == [2.0]
    for note in notes:
        desk.wheel.disarm(note)


def test_the_last_disarm_cancels_the_delayed_call(desk: Desk) -> None:
    """Nothing armed, nothing scheduled; disarming twice does no harm."""
    first, second = desk.arm("a", 1), desk.arm("b", 2)
    desk.wheel.disarm(first)
    assert len(desk.clock.getDelayedCalls()) == 1
    desk.wheel.disarm(second)
    desk.wheel.disarm(second)
    assert desk.clock.getDelayedCalls() == []
    desk.arm("c", 1)
    desk.clock.advance(5)
    assert desk.names == ["c"]


def test_arming_again_moves_the_entry(desk: Desk) -> None:
    """To later and to earlier."""
    later, earlier = desk.arm("later", 1), desk.arm("earlier", 5)
    desk.wheel.arm(later, 3)
    desk.wheel.arm(earlier, 2)
    desk.clock.pump([1, 1, 1, 10])
    assert desk.fired == [("earlier", 2.0), ("later", 3.0)]


def test_beyond_one_revolution(desk: Desk) -> None:
    """Timer C lies several revolutions ahead; it shares buckets with nearer entries."""
    revolution = 1024 * TICK
    desk.arm("third", 3 * revolution + 1)
    desk.arm("first", 1)
    desk.arm("second", revolution + 1)
    desk.clock.pump([1.0] * 160)
    assert desk.fired == [("first", 1.0), ("second", 53.0), ("third", 155.0)]


@pytest.mark.parametrize("stall", [5.0, 10_000.0])
def test_after_a_stall_everything_fires_once_in_order(desk: Desk, stall: float) -> None:
    """A process that was stopped, for less and for more than a revolution."""
    for name, delay in {"e": stall / 2, "b": 0.1, "a": 0.05, "d": 2.4, "c": 0.5}.items():
        desk.arm(name, delay)
    desk.clock.advance(stall)
    assert desk.names == ["a", "b", "c", "d", "e"]
    desk.clock.advance(stall)
    assert desk.names == ["a", "b", "c", "d", "e"]


def test_an_entry_may_arm_itself_again(desk: Desk) -> None:
    """Also with no delay: it fires in a later turn, so a turn always ends."""
    note = desk.arm("a", 1)
    note.then = lambda: desk.wheel.arm(note, 0) if len(desk.fired) < 3 else None
    desk.clock.pump([1, 0.05, 0.05, 0.05])
    assert desk.fired == [("a", 1.0), ("a", 1.05), ("a", 1.1)]


def test_an_entry_may_disarm_and_move_others_that_are_due(desk: Desk) -> None:
    """What it disarmed does not fire, what it moved fires at its new time only."""
    first, gone, moved = desk.arm("a", 1), desk.arm("b", 1), desk.arm("c", 1)

    def interfere() -> None:
        desk.wheel.disarm(gone)
        desk.wheel.arm(moved, 1)

    first.then = interfere
    desk.clock.pump([1, 1, 1])
    assert desk.fired == [("a", 1.0), ("c", 2.0)]


def test_a_failing_entry_does_not_stop_the_others(desk: Desk) -> None:
    """Its exception goes to ``failed``; the wheel goes on."""
    broken, error = desk.arm("a", 1), RuntimeError("broken")

    def fail() -> None:
        raise error

    broken.then = fail
    desk.arm("b", 1)
    desk.arm("c", 2)
    desk.clock.pump([1, 1])
    assert desk.names == ["a", "b", "c"]
    assert desk.failures == [error]


def test_failures_are_logged_unless_somebody_wants_them() -> None:
    """With the traceback."""
    clock = Clock()
    wheel = TimerWheel(clock)
    note = Note("a", [])
    note.then = lambda: int("x")
    wheel.arm(note, 0)
    with capturedLogs() as events:
        clock.advance(1)
    assert [event["log_failure"].type for event in events] == [ValueError]


def test_a_stopped_wheel_forgets_all(desk: Desk) -> None:
    """Nothing fires any more, no call is left, and an entry may be armed elsewhere."""
    entries = [desk.arm("a", 1), desk.arm("b", 500)]
    desk.wheel.stop()
    assert ([entry.due for entry in entries], len(desk.wheel)) == ([IDLE, IDLE], 0)
    assert desk.clock.getDelayedCalls() == []


def test_a_full_bucket_gives_its_memory_back(desk: Desk) -> None:
    """A burst of calls does not leave its mark on the memory for ever (soak)."""
    empty = sum(map(getsizeof, desk.wheel._slots))
    for number in range(1_000):
        desk.arm(f"n{number}", 1.0)
    assert sum(map(getsizeof, desk.wheel._slots)) > empty
    desk.clock.advance(2)
    assert sum(map(getsizeof, desk.wheel._slots)) == empty
