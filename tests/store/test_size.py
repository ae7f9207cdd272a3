"""A million phones fit into the memory of an ordinary machine."""

from __future__ import annotations

import gc
import tracemalloc

from twisted.internet.task import Clock

from sipapp.app.testing.conformance import only
from sipapp.core.location import Binding, StoreLimits
from sipapp.store.memory import MemoryLocationStore

USERS = 5_000


def test_a_binding_takes_at_most_600_octets() -> None:
    """All in: address, contact, Call-ID, times, tables. The bound for the process is 900 octets."""
    clock = Clock()
    store = MemoryLocationStore(clock, StoreLimits())
    gc.collect()
    tracemalloc.start()
    for user in range(USERS):
        clock.advance(0.001)
        binding = Binding(
            f"sip:user{user}@127.0.0.3:5070",
            f"{user}-12345@127.0.0.1",
            cseq=1000 + user,
            expires_at=clock.seconds() + 3600,
        )
        store.update(f"sip:user{user}@127.0.0.3", only(binding))
        del binding
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert store.count == USERS
    assert size / USERS <= 600
