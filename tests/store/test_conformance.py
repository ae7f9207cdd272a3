"""One suite of rules runs on all location stores. [R06]"""

from __future__ import annotations

from sipapp.app.testing.conformance import Bench, LocationStoreRules
from tests.store.benches import MemoryBench, PigeonBench, SqliteBench


class MemoryStoreTests(LocationStoreRules):
    """The store that forgets. [R06]"""

    def make_bench(self) -> Bench:
        """Make an empty table."""
        return MemoryBench()


class SqliteStoreTests(LocationStoreRules):
    """The store in a file, with its writing thread. [R06]"""

    def make_bench(self) -> Bench:
        """Make an empty file."""
        return SqliteBench()


class PigeonStoreTests(LocationStoreRules):
    """The store that is seconds away, loses and reorders. [R06]"""

    def make_bench(self) -> Bench:
        """Make an empty loft."""
        return PigeonBench()
