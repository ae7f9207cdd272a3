"""One SQLite file: opened, migrated, read at once, written by one thread with group commit.

Theory of operation. A commit that survives a power cut waits for the disk, which takes
milliseconds, so the reactor must not do it. All writing is done by one thread of our own, which
takes everything that waits, runs it in one transaction and commits once: the more there is to
write, the more shares one wait (group commit). The outcomes travel back to the reactor together,
in one call. Reading goes through a second connection; in WAL mode it never waits for the writer.

Every piece of work runs in a savepoint, so one that raises takes nothing else down. When the file
itself fails (locked by somebody for longer than ``busy_timeout``, disk full, I/O error), the whole
group fails with :class:`StoreError`, and the next group starts with a fresh connection. To a file
that somebody has deleted SQLite would go on writing, and say that all is well; so each group looks
first whether the file is still there.
"""

from __future__ import annotations

__all__ = ["Database"]

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail

from sipapp.errors import StoreError, WrongState
from sipapp.store.schema import MIGRATIONS

T = TypeVar("T")
_Work = tuple[Callable[[sqlite3.Connection], Any], "Deferred[Any]"]
_Outcome = tuple["Deferred[Any]", Any]

# One transaction takes at most this much, so that the first of a flood is not answered last.
GROUP_LIMIT = 1_000


class Database:
    """The SQLite file that location and account stores share.

    All methods belong to one thread, the reactor's. ``:memory:`` is not possible: the reading and
    the writing connection would see two databases.

    Args:
        path: the file; made when it does not exist, its directory must.
        call_from_thread: runs a call in the reactor's thread (``reactor.callFromThread``).
        busy_timeout: seconds to wait for a lock that another process holds.
        queue_limit: pieces of work that may wait; one more is refused (design.md, hostile.md F4).
    """

    def __init__(
        self,
        path: str | Path,
        *,
        call_from_thread: Callable[..., object],
        busy_timeout: float = 1.0,
        queue_limit: int = 10_000,
    ) -> None:
        self.path = str(path)
        self.waiting = 0
        self._call_from_thread = call_from_thread
        self._busy_timeout = busy_timeout
        self._queue_limit = queue_limit
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._reader: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._stopped: Deferred[None] | None = None

    def start(self) -> None:
        """Open the file, bring its tables up to date and start the writing thread.

        Blocks for the few milliseconds that this takes.

        Raises:
            StoreError: the file cannot be opened, is no database, or is from a newer sipapp.
            WrongState: it runs already.
        """
        if self._thread is not None:
            raise WrongState("the database runs already")
        try:
            reader = self._connect()
            with _closed_on_failure(reader):
                _migrate(reader, self.path)
                self._identity = _identity(self.path)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
        self._reader = reader
        self._thread = Thread(target=self._write_groups, name="sipapp-database", daemon=True)
        self._thread.start()

    def stop(self) -> Deferred[None]:
        """Write what waits, then close; fires when the thread has ended."""
        if self._thread is None or self._stopped is not None:
            raise WrongState("the database does not run")
        self._stopped = Deferred()
        self._queue.put(None)
        return self._stopped

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` at once on the reading connection and return what it returns.

        For start-up and for single rows by key: it blocks the reactor.

        Raises:
            StoreError: SQLite refused.
            WrongState: the database does not run.
        """
        if self._reader is None:
            raise WrongState("the database does not run")
        try:
            return work(self._reader)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error

    def write(self, work: Callable[[sqlite3.Connection], T]) -> Deferred[T]:
        """Have ``work`` done in the writing thread; fires with its result after the commit.

        ``work`` runs in that thread, inside a transaction that it must not end, and alone: works
        run one after the other in the order of the calls. If it raises, what it did is undone
        and the Deferred fails with the same exception.

        Returns: fails with ``StoreError`` when SQLite refuses (its own exception is the cause),
            when the commit fails, or at once when too much waits already.
        """
        if self._thread is None or self._stopped is not None:
            return fail(WrongState("the database does not run"))
        if self.waiting >= self._queue_limit:
            return fail(StoreError(f"{self.path}: {self.waiting} writes wait already"))
        self.waiting += 1
        done: Deferred[T] = Deferred()
        self._queue.put((work, done))
        return done

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=self._busy_timeout, isolation_level=None)
        with _closed_on_failure(connection):
            if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
                raise sqlite3.OperationalError("cannot keep a write-ahead log here")
            # FULL waits for the disk at each commit: what was acknowledged survives a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _report(self, outcomes: list[_Outcome]) -> None:
        self.waiting -= len(outcomes)
        for done, outcome in outcomes:
            if isinstance(outcome, BaseException):
                done.errback(outcome)
            else:
                done.callback(outcome)

    def _report_end(self) -> None:
        assert self._thread is not None
        assert self._reader is not None
        assert self._stopped is not None
        self._thread.join()
        self._reader.close()
        stopped = self._stopped
        self._thread = self._reader = self._stopped = None
        stopped.callback(None)

    # What follows runs in the writing thread.

    def _write_groups(self) -> None:
        connection: sqlite3.Connection | None = None
        ending = False
        while not ending:
            group, ending = self._next_group()
            try:
                if _identity(self.path) != self._identity:
                    raise sqlite3.OperationalError("deleted or replaced; restart the server")
                connection = connection or self._connect()
                outcomes = _commit(connection, group)
            except sqlite3.Error as error:
                _discard(connection)
                connection = None
                cause = StoreError(f"{self.path}: {error}")
                outcomes = [(done, cause) for _, done in group]
            if outcomes:
                self._call_from_thread(self._report, outcomes)
        _discard(connection)
        self._call_from_thread(self._report_end)

    def _next_group(self) -> tuple[list[_Work], bool]:
        """Wait for work and take all there is; True when stop() was among it."""
        group: list[_Work] = []
        item = self._queue.get()
        while item is not None:
            group.append(item)
            if len(group) == GROUP_LIMIT:
                return group, False
            try:
                item = self._queue.get_nowait()
            except Empty:
                return group, False
        return group, True


def _commit(connection: sqlite3.Connection, group: list[_Work]) -> list[_Outcome]:
    if not group:
        return []
    connection.execute("BEGIN IMMEDIATE")
    outcomes = [(done, _run(connection, work)) for work, done in group]
    connection.execute("COMMIT")
    return outcomes


def _run(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any]) -> Any:
    """Run one piece of work in a savepoint; its exception, if any, is its outcome."""
    connection.execute("SAVEPOINT work")
    try:
        outcome = work(connection)
    except Exception as error:
        if not connection.in_transaction:
            # SQLite has given up the whole transaction (disk full, I/O error).
            raise sqlite3.OperationalError(f"transaction undone: {error}") from error
        connection.execute("ROLLBACK TO work")
        outcome = error
        if isinstance(error, sqlite3.Error):
            outcome = StoreError(str(error))
            outcome.__cause__ = error
    connection.execute("RELEASE work")
    return outcome


def _identity(path: str) -> tuple[int, int] | None:
    """Tell one file from another at the same path; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _discard(connection: sqlite3.Connection | None) -> None:
    """Close, which undoes what was not committed; a broken connection has nothing to save."""
    if connection is not None:
        with suppress(sqlite3.Error):
            connection.close()


@contextmanager
def _closed_on_failure(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        cause = f"has schema {version}, this sipapp knows {len(MIGRATIONS)}"
        raise StoreError(f"{path}: {cause}; use the newer sipapp that wrote it")
    for step in MIGRATIONS[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute("COMMIT")
