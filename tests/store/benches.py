"""Our stores on the benches of the conformance suite."""

from __future__ import annotations

__all__ = ["MemoryBench", "PigeonBench", "SqliteBench"]

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from sipapp.app.testing.conformance import LIMITS, Bench
from sipapp.core.location import LocationStore
from sipapp.store.database import Database
from sipapp.store.memory import MemoryLocationStore
from sipapp.store.pigeon import Loft, PigeonLocationStore, Weather
from sipapp.store.sqlite import SqliteLocationStore
from tests.store.inbox import Inbox


class MemoryBench(Bench):
    """Memory forgets."""

    durable = False

    def store(self) -> LocationStore:
        """Make an empty store."""
        return MemoryLocationStore(self.clock, LIMITS)


class SqliteBench(Bench):
    """A file in a directory of its own, with a real writing thread."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox = Inbox()
        self.wall_clock = 1.8e9
        self._directory = TemporaryDirectory()
        self.path = Path(self._directory.name) / "sipapp.db"
        self.database = Database(self.path, call_from_thread=self.inbox.call, busy_timeout=0.01)
        self.database.start()

    def store(self) -> SqliteLocationStore:
        """Make a store on the file."""
        return SqliteLocationStore(
            self.database,
            clock=self.clock,
            utc=lambda: self.wall_clock + self.clock.seconds(),
            limits=LIMITS,
        )

    def step(self) -> None:
        """Wait for the writing thread; no virtual time passes."""
        self.inbox.turn()

    def step_wall_clock(self, seconds: float) -> None:
        """Move the time of day."""
        self.wall_clock += seconds

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Lock the file as another process would."""
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()

    def close(self) -> None:
        """Close the file and delete it."""
        self.inbox.wait(self.database.stop())
        self._directory.cleanup()


class PigeonBench(Bench):
    """Seconds of delay, one pigeon in four lost, the rest in any order; the same every time."""

    def __init__(self, weather: Weather | None = None) -> None:
        super().__init__()
        self.weather = weather or Weather(fastest=0.3, slowest=3.0, loss=0.25, patience=1.0)
        self.loft = Loft()
        self._random = Random(1)

    def store(self) -> PigeonLocationStore:
        """Make a store at this end."""
        return PigeonLocationStore(
            self.loft,
            clock=self.clock,
            random=self._random.random,
            weather=self.weather,
            limits=LIMITS,
        )

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Let no pigeon through."""
        fair = replace(self.weather)
        self.weather.loss = 1.0
        yield
        self.weather.loss = fair.loss
