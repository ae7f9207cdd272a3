"""The stores that a config asks for, opened together and closed together."""

from __future__ import annotations

__all__ = ["Stores"]

from pathlib import Path

from twisted.internet.task import LoopingCall

from sipapp.app.config import Config
from sipapp.app.users import make_database_file
from sipapp.app.world import World
from sipapp.core.location import LocationStore, StoreLimits
from sipapp.errors import ConfigError, Problem, StoreError
from sipapp.store.accounts import AccountStore, MemoryAccounts, SqliteAccounts
from sipapp.store.database import Database
from sipapp.store.file_lock import FileLock
from sipapp.store.memory import MemoryLocationStore
from sipapp.store.sqlite import SqliteLocationStore

_RELOAD = 1.0  # seconds until a change made by another process is seen


class Stores:
    """Bindings and accounts.

    Attributes:
        locations: the location service.
        accounts: who may authenticate; in SQLite, changes by other processes are seen within
            a second.
    """

    accounts: AccountStore
    locations: LocationStore

    def __init__(self, config: Config, world: World) -> None:
        """Open what the config names.

        Raises:
            ConfigError: another server has the file.
            StoreError: the file cannot be opened.
        """
        limits = StoreLimits(bindings=config.registrar.max_contacts)
        self._database: Database | None = None
        self._lock: FileLock | None = None
        self._reloading: LoopingCall | None = None
        if config.store.path is None:
            self.locations = MemoryLocationStore(world.clock, limits)
            self.accounts = MemoryAccounts()
            return
        make_database_file(config.store.path)
        self._lock = _locked(config.store.path)
        self._database = Database(config.store.path, call_from_thread=world.call_from_thread)
        try:
            self._database.start()
        except StoreError:
            self._lock.release()
            raise
        self.locations = SqliteLocationStore(
            self._database, clock=world.clock, utc=world.utc, limits=limits
        )
        self.accounts = SqliteAccounts(self._database)
        self._reloading = LoopingCall(self._reload)
        self._reloading.clock = world.clock

    def start(self) -> None:
        """Load what was kept.

        Raises:
            StoreError: a file cannot be opened or read.
        """
        self.locations.start()
        if self._reloading is not None:
            self._reloading.start(_RELOAD, now=False)

    async def stop(self) -> None:
        """Finish waiting writes and close."""
        if self._reloading is not None:
            self._reloading.stop()
        await self.locations.stop()
        if self._database is not None:
            await self._database.stop()
        if self._lock is not None:
            self._lock.release()

    def _reload(self) -> None:
        try:
            self.accounts.reload()
        except StoreError:
            return  # what was read last stays in force


def _locked(path: Path) -> FileLock:
    lock = FileLock(path)
    if not lock.take():
        cause = f"another server works with {path}"
        raise ConfigError([Problem("store", cause, "stop it or name another file")])
    return lock
