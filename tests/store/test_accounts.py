"""`sipapp.store.accounts`: who may authenticate, in memory and in the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import md5, sha256
from pathlib import Path
from threading import Event

import pytest
from twisted.internet.defer import Deferred, gatherResults

from sipapp.errors import StoreError
from sipapp.store.accounts import AccountStore, MemoryAccounts, SqliteAccounts, new_account
from sipapp.store.database import Database
from sipapp.ua.account import Account
from tests.store.inbox import PATIENCE, Inbox


def hashes(text: str) -> tuple[str, str]:
    """MD5 and SHA-256 of some text, as an independent party calculates them."""
    return md5(text.encode()).hexdigest(), sha256(text.encode()).hexdigest()


def account(username: str, domain: str, password: str, *, enabled: bool = True) -> Account:
    """What the store should hold."""
    return Account(username, domain, *hashes(f"{username}:{domain}:{password}"), enabled)


ALICE = account("alice", "example.com", "secret")
BOB = account("bob", "example.com", "other")


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
    """The running database of a server."""
    database = Database(path, call_from_thread=inbox.call)
    database.start()
    yield database
    inbox.wait(database.stop())


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, database: Database) -> AccountStore:
    """An empty store of either kind: both keep the same promises."""
    return MemoryAccounts() if request.param == "memory" else SqliteAccounts(database)


@pytest.fixture
def change(inbox: Inbox) -> Callable[[Deferred[Account]], Account]:
    """Waits for a change and gives its outcome."""
    return inbox.wait


Change = Callable[[Deferred[Account]], Account]


def test_passwords_become_hashes() -> None:
    """MD5 and SHA-256 of ``username:domain:password``, and nothing else (RFC 7616 3.4.2, 5.2)."""
    made = new_account("alice", "Example.COM", "secret")
    assert made == ALICE
    assert made.aor == "sip:alice@example.com"
    assert repr(made) == "Account(username='alice', domain='example.com', enabled=True)"


def test_passwords_are_normalized() -> None:
    """However an accent was typed, the password is the same UTF-8 octets (RFC 7616 4)."""
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    expected = account("alice", "example.com", composed)
    assert [new_account("alice", "example.com", p) for p in (composed, decomposed)] == [
        expected
    ] * 2


@pytest.mark.parametrize(
    ("username", "domain", "password"),
    [
        ("", "example.com", "p"),
        ("a" * 65, "example.com", "p"),
        ("a b", "example.com", "p"),
        ("a:b", "example.com", "p"),
        ("a@b", "example.com", "p"),
        ("a%41", "example.com", "p"),
        ('a"', "example.com", "p"),
        ("a\r\nX: y", "example.com", "p"),
        ("\u00e4", "example.com", "p"),
        ("alice", "", "p"),
        ("alice", "exam ple.com", "p"),
        ("alice", 'x"y', "p"),
        ("alice", "example.com\n", "p"),
        ("alice", "-x", "p"),
        ("alice", "a" * 254, "p"),
        ("alice", "example.com", ""),
        ("alice", "example.com", "p" * 257),
    ],
)
def test_names_and_passwords_are_checked(username: str, domain: str, password: str) -> None:
    """A name is one that a SIP URI holds without escapes, a domain one that a realm can quote."""
    with pytest.raises(StoreError):
        new_account(username, domain, password)


@pytest.mark.parametrize("domain", ["example.com", "localhost", "192.0.2.1", "[2001:db8::1]", "a"])
def test_domains_are_hosts(domain: str) -> None:
    """Names and addresses are what stands behind the ``@`` (RFC 3261 25.1)."""
    assert new_account("+49-(30)1;ext=2", domain, "p").domain == domain


def test_added_account_is_found(store: AccountStore, change: Change) -> None:
    """By its name and by its user hash of either algorithm (RFC 7616 3.4.4)."""
    assert change(store.add("alice", "Example.com", "secret")) == ALICE
    for digest in hashes("alice:example.com"):
        assert store.find_hashed(digest, "example.com") == ALICE
        assert store.find_hashed(digest, "example.org") is None
    found = [store.find("alice", realm) for realm in ("example.com", "example.org", "")]
    assert found == [ALICE, None, None]
    assert store.find("Alice", "example.com") is None


def test_password_can_be_changed(store: AccountStore, change: Change) -> None:
    """The new hashes replace the old ones; a disabled account stays disabled."""
    change(store.add("alice", "example.com", "first"))
    change(store.set_enabled("alice", "example.com", False))
    expected = account("alice", "example.com", "secret", enabled=False)
    assert change(store.set_password("alice", "EXAMPLE.com", "secret")) == expected
    assert store.find("alice", "example.com") == expected
    assert change(store.set_enabled("alice", "example.com", True)) == ALICE


def test_deleted_account_is_gone(store: AccountStore, change: Change) -> None:
    """From every index."""
    change(store.add("alice", "example.com", "secret"))
    assert change(store.delete("alice", "example.com")) == ALICE
    assert store.find("alice", "example.com") is None
    assert store.find_hashed(hashes("alice:example.com")[1], "example.com") is None
    assert store.list() == []


def test_accounts_are_listed_in_order(store: AccountStore, change: Change) -> None:
    """By domain, then by name; one domain or all."""
    for username, domain in [("bob", "b.example"), ("zoe", "a.example"), ("al", "b.example")]:
        change(store.add(username, domain, "p"))
    expected = ["sip:zoe@a.example", "sip:al@b.example", "sip:bob@b.example"]
    assert [found.aor for found in store.list()] == expected
    assert [found.aor for found in store.list("b.example")] == expected[1:]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda store: store.add("alice", "example.com", "again"),
        lambda store: store.add("a b", "example.com", "p"),
        lambda store: store.set_password("bob", "example.com", "p"),
        lambda store: store.set_password("alice", "example.com", ""),
        lambda store: store.set_enabled("bob", "example.com", False),
        lambda store: store.delete("bob", "example.com"),
        lambda store: store.delete("' OR 1=1 --", "example.com"),
    ],
)
def test_refused_changes_change_nothing(
    store: AccountStore, change: Change, attempt: Callable[[AccountStore], Deferred[Account]]
) -> None:
    """A duplicate, a missing account or a bad value is a `StoreError`."""
    change(store.add("alice", "example.com", "secret"))
    with pytest.raises(StoreError):
        change(attempt(store))
    assert store.list() == [ALICE]


def test_memory_has_nothing_to_reload() -> None:
    """Nobody else can change it."""
    assert MemoryAccounts().reload() is False


def test_file_outlives_the_process(database: Database, change: Change) -> None:
    """A second store on the same file starts with what the first has written."""
    first = SqliteAccounts(database)
    change(first.add("alice", "example.com", "secret"))
    change(first.add("bob", "example.com", "other"))
    change(first.set_enabled("bob", "example.com", False))
    disabled = account("bob", "example.com", "other", enabled=False)
    assert SqliteAccounts(database).list() == [ALICE, disabled]


def test_file_holds_no_password(database: Database, path: Path, change: Change) -> None:
    """Neither in the table nor in the log of SQLite (RFC 7616 5.2)."""
    change(SqliteAccounts(database).add("alice", "example.com", "correct horse battery"))
    files = list(path.parent.iterdir())
    assert len(files) >= 2
    assert [file for file in files if b"correct horse" in file.read_bytes()] == []


def test_own_changes_need_no_reload(database: Database, change: Change) -> None:
    """What this process wrote is in memory already, however many writes shared a commit."""
    store = SqliteAccounts(database)
    names = ["alice", "bob", "carol"]
    change(
        gatherResults([store.add(name, "example.com", "p") for name in names]).addCallback(
            lambda added: added[0]
        )
    )
    assert store.reload() is False
    assert [found.username for found in store.list()] == names


def test_changes_of_other_processes_are_taken_over(
    database: Database, path: Path, inbox: Inbox
) -> None:
    """The CLI adds, changes and removes while the server runs; one reload shows it all."""
    server = SqliteAccounts(database)
    inbox.wait(server.add("alice", "example.com", "first"))
    inbox.wait(server.add("carol", "example.com", "p"))
    other = Database(path, call_from_thread=inbox.call)
    other.start()
    terminal = SqliteAccounts(other)
    inbox.wait(terminal.add("bob", "example.com", "other"))
    inbox.wait(terminal.set_password("alice", "example.com", "secret"))
    inbox.wait(terminal.delete("carol", "example.com"))
    inbox.wait(other.stop())
    assert server.find("bob", "example.com") is None
    assert [server.reload(), server.reload()] == [True, False]
    assert server.list() == [ALICE, BOB]


def test_other_writes_cause_no_reload(database: Database, path: Path, change: Change) -> None:
    """Bindings change all the time in the same file; the accounts are not read again for that."""
    store = SqliteAccounts(database)
    change(store.add("alice", "example.com", "secret"))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE something (it)")
    assert store.reload() is False


def test_own_write_after_an_unseen_one_still_reloads(
    database: Database, path: Path, inbox: Inbox
) -> None:
    """A revision that jumped tells that somebody else wrote before us."""
    store = SqliteAccounts(database)
    with closing(sqlite3.connect(path)) as other, other:
        row = (BOB.username, BOB.domain, BOB.ha1_md5, BOB.ha1_sha256, 1)
        other.execute("INSERT INTO account VALUES (?, ?, ?, ?, ?)", row)
    inbox.wait(store.add("alice", "example.com", "secret"))
    assert store.list() == [ALICE]
    assert store.reload() is True
    assert store.list() == [ALICE, BOB]


def test_late_outcome_does_not_undo_a_reload(path: Path, inbox: Inbox) -> None:
    """Our write is committed, another process deletes the account, we reload, then hear of ours."""
    committed = Event()

    def call(function: Callable[..., object], *arguments: object) -> None:
        inbox.call(function, *arguments)
        committed.set()

    database = Database(path, call_from_thread=call)
    database.start()
    store = SqliteAccounts(database)
    added = store.add("alice", "example.com", "secret")
    assert committed.wait(PATIENCE)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM account")
    assert store.reload() is True
    assert inbox.wait(added) == ALICE
    assert store.list() == []
    assert store.reload() is False
    inbox.wait(database.stop())
