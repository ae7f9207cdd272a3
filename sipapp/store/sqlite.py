"""Bindings in memory for reading, and in a SQLite file for keeping.

What waits while one transaction is committed goes into the next one, all of it in two statements.
The writing thread must win the interpreter lock back from the reactor after every step it takes:
with a step for each row it got one commit a second beside a busy reactor, with all rows in one
step 640 (CPython 3.11). Each commit waits for the disk (``synchronous = FULL``): that costs 0.1 ms
where it was measured, and is shared by all who wait.

In the file the end of a binding is absolute UTC, since nothing else survives a restart. In memory
it is judged on the monotonic clock, so a step of the wall clock ends nothing (hostile.md F13).
Across a restart a step backwards cannot make a binding live longer than it was granted.
"""

from __future__ import annotations

__all__ = ["SqliteLocationStore"]

import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sipapp.core.location import Binding, Bindings, StoreLimits
from sipapp.store.database import Database
from sipapp.store.rows import Row, from_row, from_text, to_row, to_text
from sipapp.store.write_through import WriteThrough


class SqliteLocationStore(WriteThrough):
    """A :class:`sipapp.core.location.LocationStore` that survives ``kill -9``.

    Args:
        database: running from before ``start`` until after ``stop``.
        clock: monotonic.
        utc: seconds since 1970 on the wall clock.
        limits: how large and how slow it may become.
    Attributes:
        skipped: rows that ``start`` found damaged, and left where they are.
    """

    log = Logger()

    def __init__(
        self,
        database: Database,
        *,
        clock: IReactorTime,
        utc: Callable[[], float],
        limits: StoreLimits | None = None,
    ) -> None:
        super().__init__(clock, limits)
        self.skipped = 0
        self._database = database
        self._utc = utc
        self._batch: dict[str, Bindings] = {}
        self._waiters: list[Deferred[None]] = []
        self._writing = False

    def start(self) -> Deferred[None]:
        """Load what is in the file, then begin to sweep.

        Blocks for about a second per 100,000 bindings.

        Raises:
            StoreError: the table cannot be read.
        """
        self._database.read(self._load)
        if self.skipped:
            self.log.warn("{count} damaged rows of bindings were skipped", count=self.skipped)
        return super().start()

    def _load(self, connection: sqlite3.Connection) -> None:
        now, utc = self._clock.seconds(), self._utc()
        rows: Iterator[Row] = connection.execute("SELECT * FROM binding ORDER BY aor, position")
        for aor, group in groupby(rows, itemgetter(0)):
            read = [self._read(row, now, utc) for row in group]
            if bindings := tuple(filter(None, read)):
                self._put(from_text(aor), bindings)

    def _read(self, row: Row, now: float, utc: float) -> Binding | None:
        """Give the binding of a row; None if it is damaged or over."""
        try:
            from_text(row[0])
            binding = from_row(row, now, utc)
        except ValueError:
            self.skipped += 1
            return None
        return binding if binding.expires_at > now else None

    def _write(self, aor: str, bindings: Bindings) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self._batch[aor] = bindings
        self._waiters.append(done)
        if not self._writing:
            self._write_batch()
        return done

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, {}
        waiters, self._waiters = self._waiters, []
        now, utc = self._clock.seconds(), self._utc()
        aors = [to_text(aor) for aor in batch]
        rows = [
            to_row(aor, position, binding, now, utc)
            for aor, bindings in zip(aors, batch.values(), strict=True)
            for position, binding in enumerate(bindings)
        ]
        self._writing = True
        work = partial(_replace, json.dumps(aors), json.dumps(rows))
        self._database.write(work).addBoth(self._report, waiters)

    def _report(self, outcome: Failure | None, waiters: list[Deferred[None]]) -> None:
        self._writing = False
        for done in waiters:
            done.callback(outcome)
        if self._batch and not self._writing:
            self._write_batch()


_DELETE = "DELETE FROM binding WHERE aor IN (SELECT value FROM json_each(?))"
# json_extract and not the shorter ->>, which SQLite has only from 3.38 on.
_INSERT = """
INSERT INTO binding SELECT
    json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
    json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'),
    json_extract(value, '$[9]'), json_extract(value, '$[10]'), json_extract(value, '$[11]'),
    json_extract(value, '$[12]'), json_extract(value, '$[13]')
FROM json_each(?)
"""


def _replace(aors: str, rows: str, connection: sqlite3.Connection) -> None:
    """Replace all that is known of some addresses-of-record; runs in the writing thread.

    Args:
        aors: JSON list of texts.
        rows: JSON list of lists with the columns in order.
    """
    connection.execute(_DELETE, (aors,))
    connection.execute(_INSERT, (rows,))
