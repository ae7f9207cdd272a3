"""The collector runs in quiet minutes."""

from __future__ import annotations

import gc

from twisted.internet.task import Clock

from sipapp.app.garbage import QuietCollector


class Knot:
    """An object that only the collector can free."""

    alive = 0

    def __init__(self) -> None:
        self.itself = self
        Knot.alive += 1

    def __del__(self) -> None:
        Knot.alive -= 1


def test_cycles_are_collected_when_there_is_little_to_do() -> None:
    """Not under load, where a full collection would stop the calls."""
    clock = Clock()
    busy = [5_000]
    before = gc.get_threshold()
    collector = QuietCollector(clock, lambda: busy[0])
    collector.start()
    try:
        Knot()
        clock.advance(60)
        assert Knot.alive == 1
        busy[0] = 10
        clock.advance(60)
        assert Knot.alive == 0
    finally:
        collector.stop()
        gc.set_threshold(*before)
    assert clock.getDelayedCalls() == []
