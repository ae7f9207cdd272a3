"""The accounts of a server as a command sees them: no reactor, and every change waited for."""

from __future__ import annotations

__all__ = ["Users", "generate_password", "make_database_file", "split_user"]

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sipapp.errors import StoreError
from sipapp.store.accounts import SqliteAccounts
from sipapp.store.database import Database
from sipapp.ua.account import Account

_T = TypeVar("_T")

# Without the characters that look alike: these are typed on phones. 31 of them, 12 long: 59 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def generate_password(choose: Callable[[Sequence[str]], str] = secrets.choice) -> str:
    """Make a password that can be read out and typed: three groups of four."""
    return "-".join("".join(choose(_ALPHABET) for _ in range(4)) for _ in range(3))


def split_user(text: str) -> tuple[str, str]:
    """Cut ``alice@example.com`` into user name and domain; ``sip:`` before it does no harm.

    Raises:
        StoreError: it has no domain.
    """
    username, at, domain = text.removeprefix("sip:").rpartition("@")
    if not (username and at and domain):
        raise StoreError(f"{text!r} is no user; write it like alice@example.com")
    return username, domain.lower()


def make_database_file(path: Path) -> None:
    """Make folder and file with rights for their owner only: hashes are as good as passwords.

    Raises:
        StoreError: the system refused.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; check the folder's owner") from error


class Users:
    """The accounts in one SQLite file; a context manager. A running server notices the changes.

    Args:
        path: the file; made when it does not exist.
    Raises:
        StoreError: from every method, when the file or a name is not acceptable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calls: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = SimpleQueue()
        self._database = Database(path, call_from_thread=self._call)

    def __enter__(self) -> Users:
        make_database_file(self._path)
        self._database.start()
        self._accounts = SqliteAccounts(self._database)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wait(self._database.stop())

    def list(self, domain: str | None = None) -> list[Account]:
        """Give the accounts of a domain, or all."""
        return self._accounts.list(domain)

    def has(self, username: str, domain: str) -> bool:
        """Whether there is such an account."""
        return self._accounts.find(username, domain) is not None

    def add(self, username: str, domain: str, password: str) -> None:
        """Create an account."""
        self._wait(self._accounts.add(username, domain, password))

    def set_password(self, username: str, domain: str, password: str) -> None:
        """Change a password."""
        self._wait(self._accounts.set_password(username, domain, password))

    def delete(self, username: str, domain: str) -> None:
        """Take an account away."""
        self._wait(self._accounts.delete(username, domain))

    def put(self, username: str, domain: str, password: str) -> None:
        """Create the account, or change its password if it is there."""
        change = self.set_password if self.has(username, domain) else self.add
        change(username, domain, password)

    def _call(self, call: Callable[..., object], *arguments: Any) -> None:
        self._calls.put((call, arguments))

    def _wait(self, done: Deferred[_T]) -> _T:
        """Run what the writing thread sends over until ``done`` has fired: a reactor's duty."""
        outcomes: list[_T | Failure] = []
        done.addBoth(outcomes.append)
        while not outcomes:
            call, arguments = self._calls.get()
            call(*arguments)
        (outcome,) = outcomes
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome
