"""The shared SQLite file: group commit, isolation of works, failure and recovery."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, get_ident

import pytest
from twisted.internet.defer import gatherResults

from sipapp.errors import StoreError, WrongState
from sipapp.store.database import GROUP_LIMIT, Database
from sipapp.store.schema import MIGRATIONS
from tests.store.inbox import Inbox


@pytest.fixture
def inbox() -> Inbox:
    """The reactor's side of the writing thread."""
    return Inbox()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet."""
    return tmp_path / "sipapp.db"


@pytest.fixture
def database(path: Path, inbox: Inbox) -> Iterator[Database]:
    """A running database with a table ``word`` that the tests may fill."""
    database = Database(path, call_from_thread=inbox.call, busy_timeout=0.01)
    database.start()
    inbox.wait(database.write(lambda c: c.execute("CREATE TABLE word (it TEXT UNIQUE)").rowcount))
    yield database
    inbox.wait(database.stop())


def add(word: str) -> Callable[[sqlite3.Connection], str]:
    """A piece of work that stores ``word`` and returns it."""

    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO word VALUES (?)", (word,))
        return word

    return work


def words(connection: sqlite3.Connection) -> list[str]:
    """What is stored, in the order it was."""
    return [word for (word,) in connection.execute("SELECT it FROM word ORDER BY rowid")]


def test_results_come_back_in_order_and_are_stored(database: Database, inbox: Inbox) -> None:
    """Each Deferred fires with what its own work returned; a reader sees all of it then."""
    done = gatherResults([database.write(add(word)) for word in "abc"])
    assert inbox.wait(done) == ["a", "b", "c"]
    assert database.read(words) == ["a", "b", "c"]
    assert database.waiting == 0


def test_waiting_work_shares_one_transaction(database: Database, inbox: Inbox) -> None:
    """Group commit (design.md decision 10): what waits while one work runs commits together."""
    gate = Event()
    blocked = database.write(lambda _: gate.wait(30))
    rest = [database.write(add(word)) for word in "abc"]
    seen: list[list[str]] = []
    for done in rest:
        done.addCallback(lambda _: seen.append(database.read(words)))
    gate.set()
    assert inbox.wait(blocked) is True
    inbox.wait(gatherResults(rest))
    assert seen == [["a", "b", "c"]] * 3


def test_work_runs_in_another_thread(database: Database, inbox: Inbox) -> None:
    """The reactor never waits for the disk (hostile.md F4)."""
    assert inbox.wait(database.write(lambda _: get_ident())) != get_ident()


def test_failing_work_is_undone_alone(database: Database, inbox: Inbox) -> None:
    """An exception undoes its own work, reaches its own Deferred, and nothing else."""

    def half(connection: sqlite3.Connection) -> None:
        add("half")(connection)
        raise ValueError("on purpose")

    before, failing, after = map(database.write, (add("a"), half, add("b")))
    assert inbox.wait(before) == "a"
    with pytest.raises(ValueError, match="on purpose"):
        inbox.wait(failing)
    assert inbox.wait(after) == "b"
    assert database.read(words) == ["a", "b"]


def test_refusal_by_sqlite_is_a_store_error_with_its_cause(
    database: Database, inbox: Inbox
) -> None:
    """The store layer converts what comes from below at one place (style.md 4)."""
    inbox.wait(database.write(add("a")))
    with pytest.raises(StoreError, match="UNIQUE") as raised:
        inbox.wait(database.write(add("a")))
    assert isinstance(raised.value.__cause__, sqlite3.IntegrityError)


def test_work_that_ends_the_transaction_fails_its_group(database: Database, inbox: Inbox) -> None:
    """Nothing is acknowledged when the transaction is gone; the next group works again."""
    with pytest.raises(StoreError, match="transaction undone"):
        inbox.wait(database.write(_roll_back_and_raise))
    assert inbox.wait(database.write(add("a"))) == "a"


def test_a_file_that_was_deleted_is_written_no_more(
    database: Database, inbox: Inbox, path: Path
) -> None:
    """Nothing is acknowledged that nobody could find again, and no empty file takes its place."""
    inbox.wait(database.write(add("a")))
    path.unlink()
    with pytest.raises(StoreError, match=r"sipapp\.db: deleted or replaced; restart the server"):
        inbox.wait(database.write(add("b")))
    assert not path.exists()


def test_a_file_that_comes_back_is_written_again(
    database: Database, inbox: Inbox, path: Path
) -> None:
    """As after a move that somebody undoes; one that took its place is left alone."""
    inbox.wait(database.write(add("a")))
    aside = path.rename(path.with_name("aside.db"))
    path.touch()
    with pytest.raises(StoreError, match="deleted or replaced"):
        inbox.wait(database.write(add("b")))
    assert path.read_bytes() == b""
    aside.rename(path)
    inbox.wait(database.write(add("c")))
    assert database.read(words) == ["a", "c"]


def test_a_flood_is_written_in_several_transactions(database: Database, inbox: Inbox) -> None:
    """A group has a limit, so the first of a flood is not answered last; none is forgotten."""
    gate = Event()
    database.write(lambda _: gate.wait(30))
    done = [database.write(add(str(n))) for n in range(2 * GROUP_LIMIT + 1)]
    seen: list[int] = []
    for write in done:
        write.addCallback(lambda _: seen.append(len(database.read(words))))
    gate.set()
    inbox.wait(gatherResults(done))
    assert seen[0] < len(done)
    assert database.read(words) == [str(n) for n in range(len(done))]


def test_a_refused_read_is_a_store_error(database: Database) -> None:
    """Reads are converted at the same border as writes."""
    with pytest.raises(StoreError, match="no such table"):
        database.read(lambda c: c.execute("SELECT * FROM missing"))


def test_one_too_many_is_refused_at_once(path: Path, inbox: Inbox) -> None:
    """The queue is bounded (hostile.md F4)."""
    database = Database(path, call_from_thread=inbox.call, queue_limit=1)
    database.start()
    gate = Event()
    first = database.write(lambda _: gate.wait(30))
    refused = database.write(lambda _: None)
    gate.set()
    with pytest.raises(StoreError, match="1 writes wait already"):
        inbox.wait(refused)
    inbox.wait(first)
    inbox.wait(database.stop())


def _roll_back_and_raise(connection: sqlite3.Connection) -> None:
    connection.execute("ROLLBACK")
    raise ValueError("on purpose")


def test_locked_file_fails_writes_until_it_is_free(
    database: Database, path: Path, inbox: Inbox
) -> None:
    """Another process holds the write lock: StoreError, then service as before."""
    inbox.wait(database.write(add("a")))
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            inbox.wait(database.write(add("b")))
        assert database.read(words) == ["a"]
        other.execute("ROLLBACK")
    other.close()
    assert inbox.wait(database.write(add("c"))) == "c"
    assert database.read(words) == ["a", "c"]


def test_stop_writes_what_waits(path: Path, inbox: Inbox) -> None:
    """Work accepted before stop() is committed before it fires."""
    database = Database(path, call_from_thread=inbox.call)
    database.start()
    done = database.write(lambda c: c.execute("CREATE TABLE kept (it)").rowcount)
    inbox.wait(database.stop())
    assert done.called
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    other.close()


def test_a_new_file_has_the_newest_schema(database: Database) -> None:
    """``user_version`` counts the steps of ``MIGRATIONS``."""
    version = database.read(lambda c: c.execute("PRAGMA user_version").fetchone())
    assert version == (len(MIGRATIONS),)


def test_starting_again_keeps_what_is_there(path: Path, inbox: Inbox) -> None:
    """Migrations run once; a database can be started again after it stopped."""
    database = Database(path, call_from_thread=inbox.call)
    for _ in range(2):
        database.start()
        inbox.wait(database.write(lambda c: c.execute("CREATE TABLE IF NOT EXISTS kept (it)")))
        inbox.wait(database.write(lambda c: c.execute("INSERT INTO kept VALUES (1)")))
        inbox.wait(database.stop())
    database.start()
    assert database.read(lambda c: c.execute("SELECT count(*) FROM kept").fetchone()) == (2,)
    inbox.wait(database.stop())


def test_a_newer_file_is_refused(path: Path, inbox: Inbox) -> None:
    """An older sipapp does not touch the tables of a newer one."""
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 999")
    other.close()
    with pytest.raises(StoreError, match=r"sipapp\.db: has schema 999"):
        Database(path, call_from_thread=inbox.call).start()


@pytest.mark.parametrize("name", ["missing/sipapp.db", ""])
def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path, inbox: Inbox, name: str) -> None:
    """A directory, or a path into a directory that is not there."""
    with pytest.raises(StoreError):
        Database(tmp_path / name, call_from_thread=inbox.call).start()


def test_memory_is_refused(inbox: Inbox) -> None:
    """Two connections to ``:memory:`` would be two databases."""
    with pytest.raises(StoreError, match="write-ahead log"):
        Database(":memory:", call_from_thread=inbox.call).start()


def test_use_before_start_and_after_stop(path: Path, inbox: Inbox) -> None:
    """Every misuse is a WrongState, never a hang."""
    database = Database(path, call_from_thread=inbox.call)
    with pytest.raises(WrongState):
        database.stop()
    database.start()
    with pytest.raises(WrongState):
        database.start()
    inbox.wait(database.stop())
    with pytest.raises(WrongState):
        database.read(words)
    with pytest.raises(WrongState):
        inbox.wait(database.write(words))
