"""What only the SQLite store does: damaged rows, batches, what lies in the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from twisted.internet.defer import Deferred, gatherResults

from sipapp.app.testing.conformance import ALICE, BOB, first, made, only
from sipapp.core.location import Bindings
from sipapp.store.rows import from_text, to_text
from sipapp.store.sqlite import SqliteLocationStore
from tests.store.benches import SqliteBench

INSERT = "INSERT INTO binding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
GOOD = (
    "sip:carol@example.com", 0, "sip:c@h", "", None, 2e9, 3600.0, "call-1", 1, "[]", "", 0, "", "",
)  # fmt: skip


@contextmanager
def file_of(bench: SqliteBench) -> Iterator[sqlite3.Connection]:
    """The file as another program sees it."""
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as connection:
        yield connection


def opened(bench: SqliteBench) -> SqliteLocationStore:
    """A started store."""
    store = bench.open()
    assert isinstance(store, SqliteLocationStore)
    return store


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (2, ""),
        (2, "no uri"),
        (2, b"sip:c@h"),
        (2, "sip:c@h\\"),
        (4, 1001),
        (4, "high"),
        (5, "soon"),
        (5, 9e99),
        (6, "long"),
        (8, -1),
        (8, 2**32),
        (8, "one"),
        (9, "not json"),
        (9, '{"a": 1}'),
        (9, "[1]"),
        (9, "[" * 100_000),
        (10, b"\xff"),
        (11, 2**40),
        (13, "UDP"),
        (13, "UDP here there 99999"),
        (13, 7),
    ],
)
def test_a_damaged_row_is_skipped_and_counted(column: int, value: object) -> None:
    """hostile.md F6: the others are loaded, and the row can be written over. [R06]"""
    bench = SqliteBench()
    bad = [*GOOD[:column], value, *GOOD[column + 1 :]]
    with file_of(bench) as connection:
        connection.execute(INSERT, bad)
        connection.execute(INSERT, ("sip:dan@example.com", *GOOD[1:]))
        connection.execute(INSERT, (GOOD[0], 1, "sip:other@h", *GOOD[3:]))
    store = opened(bench)
    assert store.skipped == 1
    assert store.count == 2
    assert [b.contact for b in store.lookup(GOOD[0])] == ["sip:other@h"]
    bench.result(store.update(GOOD[0], only(made("sip:new@h"))))
    assert [b.contact for b in bench.reopen().lookup(GOOD[0])] == ["sip:new@h"]
    bench.shut()
    bench.close()


@pytest.mark.parametrize("aor", ["sip:\\x", b"sip:c@h"])
def test_a_row_of_nobody_is_skipped(aor: object) -> None:
    """hostile.md F6: an address-of-record that is none."""
    bench = SqliteBench()
    with file_of(bench) as connection:
        connection.execute(INSERT, (aor, *GOOD[1:]))
        connection.execute(INSERT, GOOD)
    store = opened(bench)
    assert (store.skipped, store.count) == (1, 1)
    bench.shut()
    bench.close()


def test_waiting_updates_are_written_together() -> None:
    """Group commit: all that came while one transaction was under way is in the next. [R06]"""
    bench = SqliteBench()
    store = opened(bench)
    seen: list[int] = []
    done: list[Deferred[Bindings]] = [
        store.update(f"sip:{n}@example.com", only(made("sip:a@h"))) for n in range(5)
    ]
    with file_of(bench) as connection:

        def look(_: Bindings) -> None:
            seen.extend(connection.execute("SELECT count(*) FROM binding").fetchone())

        bench.result(gatherResults([update.addCallback(look) for update in done]))
    assert seen == [1, 5, 5, 5, 5]
    assert store.waiting == 0
    bench.shut()
    bench.close()


def test_what_is_over_leaves_the_file() -> None:
    """The sweep deletes it there too, but not what still lives."""
    bench = SqliteBench()
    store = opened(bench)
    bench.result(store.update(ALICE, only(made("sip:a@h", expires_at=60.0), made("sip:b@h"))))
    bench.result(store.update(BOB, only(made("sip:a@h", expires_at=60.0))))
    bench.clock.pump([1.0] * 100)
    bench.shut()
    with file_of(bench) as connection:
        rows = connection.execute("SELECT aor, position, contact FROM binding").fetchall()
    assert rows == [(ALICE, 0, "sip:b@h")]
    bench.close()


def test_the_file_can_be_read_by_people() -> None:
    """Ordinary values are stored as they are; the end is absolute UTC (hostile.md F13)."""
    bench = SqliteBench()
    store = opened(bench)
    binding = made("sip:alice@192.0.2.1", q=500, path=("<sip:p;lr>",), user_agent="Phone 1.0")
    bench.result(store.update(ALICE, first(binding)))
    with file_of(bench) as connection:
        rows = connection.execute("SELECT * FROM binding").fetchall()
    assert rows == [
        (ALICE, 0, "sip:alice@192.0.2.1", "", 500, bench.wall_clock + 10_000, 10_000.0, "call-1",
         1, '["<sip:p;lr>"]', "", 0, "Phone 1.0", ""),
    ]  # fmt: skip
    bench.shut()
    bench.close()


@pytest.mark.parametrize(
    "text", ["", "plain", "a\\b", "\\x41", "\x00\n", "gr\u00fc\u00df", "\udcff"]
)
def test_any_text_can_be_stored(text: str) -> None:
    """What SQLite cannot hold is escaped into printable ASCII, and comes back."""
    assert to_text(text).isascii()
    assert to_text(text) == "" or to_text(text).isprintable()
    assert from_text(to_text(text)) == text
