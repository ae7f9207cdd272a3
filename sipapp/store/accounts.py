"""Accounts of the users who may register and call, in memory and in the SQLite file.

Reading is a dictionary look-up in either case: the file is read into memory at the start, and
again when its revision shows that another process (``sipapp`` on a terminal) has changed it.

A password is never stored. What is stored, the hashes that digest authentication needs instead,
is as good as the password in that realm, so the file must be readable to the server only.

Names: a username is what a SIP user part may hold without escapes and is compared by case (RFC
3261 19.1.4); a domain is compared without, and kept in lower case.
"""

from __future__ import annotations

__all__ = ["AccountStore", "MemoryAccounts", "SqliteAccounts", "new_account"]

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol
from unicodedata import normalize

from twisted.internet.defer import Deferred, execute

from sipapp.errors import StoreError
from sipapp.message.algorithm import Algorithm, ha1, userhash
from sipapp.store.database import Database
from sipapp.ua.account import Account

# RFC 3261 25.1: user, without escapes; a digest username is compared as it is written.
_USERNAME = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/]{1,64}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9.\-]*[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")
_LONGEST_PASSWORD = 256

_STORED = (Algorithm.MD5, Algorithm.SHA_256)


def new_account(username: str, domain: str, password: str) -> Account:
    """Check the names and hash the password.

    RFC: 7616 3.4.2, 4 (the password is hashed as UTF-8 in normalization form C).

    Raises:
        StoreError: a name is not one, or the password is empty or longer than 256 characters.
    """
    domain = domain.lower()
    if _USERNAME.fullmatch(username) is None:
        raise StoreError("a username has 1 to 64 of the characters of a SIP user part")
    if _DOMAIN.fullmatch(domain) is None:
        raise StoreError("a domain is a host name or an address")
    if not 0 < len(password) <= _LONGEST_PASSWORD:
        raise StoreError(f"a password has 1 to {_LONGEST_PASSWORD} characters")
    password = normalize("NFC", password)
    md5, sha256 = (ha1(algorithm, username, domain, password) for algorithm in _STORED)
    return Account(username, domain, md5, sha256)


class AccountStore(Protocol):
    """What authentication reads and an operator changes.

    Every change fires when it is durable and visible to ``find``, and fails with
    ``StoreError`` when a name or password is not acceptable or the account is missing (``add``:
    is there already); nothing was changed then.
    """

    def find(self, username: str, realm: str) -> Account | None:
        """Return the account called ``username`` in the domain ``realm``, enabled or not."""

    def find_hashed(self, digest: str, realm: str) -> Account | None:
        """Return the account whose user hash, lower-case hexadecimal, is ``digest``.

        RFC: 7616 3.4.4, with MD5 or SHA-256.
        """

    def list(self, domain: str | None = None) -> list[Account]:
        """Return the accounts of a domain, or of all, sorted by domain and username."""

    def add(self, username: str, domain: str, password: str) -> Deferred[Account]:
        """Create an account."""

    def set_password(self, username: str, domain: str, password: str) -> Deferred[Account]:
        """Change the password of an account; it stays enabled or disabled."""

    def set_enabled(self, username: str, domain: str, enabled: bool) -> Deferred[Account]:
        """Let a user authenticate, or no more."""

    def delete(self, username: str, domain: str) -> Deferred[Account]:
        """Take an account away; fires with what it was."""

    def reload(self) -> bool:
        """Take over what other processes have changed; tell whether there was anything."""


_Change = Callable[[Account | None], Account | None]
"""From what an account is, None for missing, to what it shall be, None for gone."""


class _Accounts(ABC):
    """The accounts in memory, found by name and by user hash; about 1 KiB each."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], Account] = {}
        self._by_hash: dict[tuple[str, str], Account] = {}

    def find(self, username: str, realm: str) -> Account | None:
        """Return the account called ``username`` in the domain ``realm``, enabled or not."""
        return self._by_name.get((username, realm))

    def find_hashed(self, digest: str, realm: str) -> Account | None:
        """Return the account with this user hash (RFC 7616 3.4.4)."""
        return self._by_hash.get((digest, realm))

    def list(self, domain: str | None = None) -> list[Account]:
        """Return the accounts of a domain, or of all, sorted by domain and username."""
        chosen = [a for a in self._by_name.values() if domain is None or a.domain == domain]
        return sorted(chosen, key=lambda account: (account.domain, account.username))

    def add(self, username: str, domain: str, password: str) -> Deferred[Account]:
        """Create an account."""

        def change(found: Account | None) -> Account:
            if found is not None:
                raise StoreError("the account exists already")
            return new_account(username, domain, password)

        return self._change(username, domain.lower(), change)

    def set_password(self, username: str, domain: str, password: str) -> Deferred[Account]:
        """Change the password of an account; it stays enabled or disabled."""

        def change(found: Account | None) -> Account:
            enabled = _existing(found).enabled
            return replace(new_account(username, domain, password), enabled=enabled)

        return self._change(username, domain.lower(), change)

    def set_enabled(self, username: str, domain: str, enabled: bool) -> Deferred[Account]:
        """Let a user authenticate, or no more."""
        return self._change(
            username, domain.lower(), lambda found: replace(_existing(found), enabled=enabled)
        )

    def delete(self, username: str, domain: str) -> Deferred[Account]:
        """Take an account away; fires with what it was."""

        def change(found: Account | None) -> None:
            _existing(found)

        return self._change(username, domain.lower(), change)

    @abstractmethod
    def _change(self, username: str, domain: str, change: _Change) -> Deferred[Account]:
        """Apply ``change`` durably, then here; fires with the account as it is, or last was."""

    def _take_over(self, before: Account | None, after: Account | None) -> None:
        if before is not None:
            self._by_name.pop((before.username, before.domain), None)
            for key in _hash_keys(before):
                self._by_hash.pop(key, None)
        if after is not None:
            self._by_name[after.username, after.domain] = after
            self._by_hash.update(dict.fromkeys(_hash_keys(after), after))


def _existing(found: Account | None) -> Account:
    if found is None:
        raise StoreError("there is no such account")
    return found


def _hash_keys(account: Account) -> list[tuple[str, str]]:
    username, domain = account.username, account.domain
    return [(userhash(algorithm, username, domain), domain) for algorithm in _STORED]


class MemoryAccounts(_Accounts):
    """Accounts that live as long as the process, for tests and demonstrations."""

    def reload(self) -> bool:
        """Return False: nobody else can have changed anything."""
        return False

    def _change(self, username: str, domain: str, change: _Change) -> Deferred[Account]:
        def apply() -> Account:
            before = self.find(username, domain)
            after = change(before)
            self._take_over(before, after)
            return after or _existing(before)

        return execute(apply)


class SqliteAccounts(_Accounts):
    """Accounts in the file that the whole server shares.

    Args:
        database: runs already, and until this object is no longer used.

    Raises:
        StoreError: the table can't be read.
    """

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._data_version = -1
        self._revision = -1
        self.reload()

    def reload(self) -> bool:
        """Take over what other processes have changed; tell whether there was anything.

        Cheap enough to call every second: it reads a number, and only if anybody wrote to the
        file a second one. Reading the accounts themselves takes about 10 microseconds each.

        Raises:
            StoreError: the file can't be read; the accounts stay as they are.
        """
        data_version = self._database.read(_data_version)
        if data_version == self._data_version:
            return False
        revision = self._database.read(_revision)
        changed = revision != self._revision
        if changed:
            self._replace(self._database.read(_rows))
        self._revision = revision
        self._data_version = data_version
        return changed

    def _replace(self, accounts: Iterable[Account]) -> None:
        self._by_name.clear()
        self._by_hash.clear()
        for account in accounts:
            self._take_over(None, account)

    def _change(self, username: str, domain: str, change: _Change) -> Deferred[Account]:
        def work(connection: sqlite3.Connection) -> _Step:
            before = _row(connection, username, domain)
            after = change(before)
            if after is None:
                connection.execute(_DELETE, (username, domain))
            else:
                connection.execute(_WRITE, _columns(after))
            return before, after, _revision(connection)

        return self._database.write(work).addCallback(self._written)

    def _written(self, step: _Step) -> Account:
        before, after, revision = step
        if revision > self._revision:  # else a reload has seen this, and perhaps what came later
            self._take_over(before, after)
        # A gap means that another process wrote too: the next reload reads it all.
        if revision == self._revision + 1:
            self._revision = revision
        return after or _existing(before)


_Step = tuple[Account | None, Account | None, int]

_COLUMNS = "username, domain, ha1_md5, ha1_sha256, enabled"
_SELECT = f"SELECT {_COLUMNS} FROM account"
_SELECT_ONE = f"{_SELECT} WHERE domain = ? AND username = ?"
_WRITE = f"INSERT OR REPLACE INTO account ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM account WHERE username = ? AND domain = ?"


def _data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection has written to the file."""
    (number,) = connection.execute("PRAGMA data_version").fetchone()
    return int(number)


def _revision(connection: sqlite3.Connection) -> int:
    """The number of changes to the table of accounts; triggers count them."""
    (number,) = connection.execute("SELECT number FROM account_revision").fetchone()
    return int(number)


def _rows(connection: sqlite3.Connection) -> list[Account]:
    return [_account(row) for row in connection.execute(_SELECT)]


def _row(connection: sqlite3.Connection, username: str, domain: str) -> Account | None:
    row = connection.execute(_SELECT_ONE, (domain, username)).fetchone()
    return None if row is None else _account(row)


def _account(row: tuple[str, str, str, str, int]) -> Account:
    username, domain, ha1_md5, ha1_sha256, enabled = row
    return Account(username, domain, ha1_md5, ha1_sha256, bool(enabled))


def _columns(account: Account) -> tuple[str, str, str, str, bool]:
    hashes = account.ha1_md5, account.ha1_sha256
    return account.username, account.domain, *hashes, account.enabled
