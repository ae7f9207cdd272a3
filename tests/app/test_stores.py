"""The stores of one server, and what keeps those of two apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sipapp.app.config import Config
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.exit import CONFIG, code_for, lines_for
from sipapp.app.stores import Stores
from sipapp.app.testing.network import VirtualNetwork
from sipapp.app.users import Users
from sipapp.app.world import World
from sipapp.errors import ConfigError, StoreError
from sipapp.transport.zone import Zone
from tests.store.inbox import Inbox


def world(inbox: Inbox) -> World:
    """Virtual surroundings, and real threads."""
    clock, rng = Clock(), Random(1)
    return World(
        network=VirtualNetwork(clock).host("192.0.2.10"),
        clock=clock,
        utc=clock.seconds,
        dns=Zone(clock),
        random_bytes=rng.randbytes,
        uniform=rng.random,
        call_from_thread=inbox.call,
    )


def test_one_server_at_a_time(tmp_path: Path) -> None:
    """Two would write over each other's bindings; commands may work beside the one."""
    path = tmp_path / "x.db"
    config = replace(Config(), store=StoreAddress("sqlite", path))
    inbox = Inbox()
    for _ in range(2):
        stores = Stores(config, world(inbox))
        stores.start()
        with pytest.raises(ConfigError) as caught:
            Stores(config, world(inbox))
        with Users(path) as users:
            users.put("alice", "example.com", "wonder")
        inbox.wait(Deferred.fromCoroutine(stores.stop()))
    line = f"store: another server works with {path}; stop it or name another file"
    assert (lines_for(caught.value), code_for(caught.value)) == ([line], CONFIG)


def test_a_failed_start_leaves_the_file_to_others(tmp_path: Path) -> None:
    """As when the operator mends the database and tries again."""
    path = tmp_path / "x.db"
    path.write_text("This is a letter, not a database. " * 50)
    config = replace(Config(), store=StoreAddress("sqlite", path))
    inbox = Inbox()
    with pytest.raises(StoreError, match="not a database"):
        Stores(config, world(inbox))
    path.unlink()
    stores = Stores(config, world(inbox))
    stores.start()
    inbox.wait(Deferred.fromCoroutine(stores.stop()))
