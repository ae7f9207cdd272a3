"""What all stores share in memory: the sweep, and being started and stopped."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from sipapp.app.testing.conformance import made, only
from sipapp.core.location import StoreLimits
from sipapp.errors import WrongState
from sipapp.store.memory import MemoryLocationStore


def test_a_sweep_looks_at_one_slice_at_a_time() -> None:
    """hostile.md: no long turn, however many bindings end in the same second."""
    clock = Clock()
    store = MemoryLocationStore(clock, StoreLimits())
    store.start()
    for n in range(2500):
        store.update(f"sip:{n}@h", only(made("sip:a@h", expires_at=60.0)))
    clock.advance(60)  # the tick of the first second, late: it makes the list of the round
    counts = []
    for _ in range(4):
        clock.advance(1)
        counts.append(store.count)
    assert counts == [1500, 500, 0, 0]
    store.stop()
    assert clock.getDelayedCalls() == []


def test_what_has_ended_is_not_given_out_before_it_is_swept() -> None:
    """Lookups judge for themselves."""
    clock = Clock()
    store = MemoryLocationStore(clock, StoreLimits())
    store.start()
    store.update("sip:a@h", only(made("sip:a@h", expires_at=60.0)))
    clock.advance(60)
    assert (store.lookup("sip:a@h"), store.count) == ((), 1)


def test_starting_and_stopping_twice_is_a_mistake() -> None:
    """A bug of the caller is told to the caller."""
    store = MemoryLocationStore(Clock(), StoreLimits())
    with pytest.raises(WrongState):
        store.stop()
    store.start()
    with pytest.raises(WrongState):
        store.start()
    store.stop()
    store.start()
