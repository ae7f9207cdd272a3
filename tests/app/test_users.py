"""Accounts as a command changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipapp.app.users import Users, generate_password, split_user
from sipapp.errors import StoreError


def names(path: Path) -> list[str]:
    """Every account in the file."""
    with Users(path) as users:
        return [f"{account.username}@{account.domain}" for account in users.list()]


def test_changes_are_in_the_file(tmp_path: Path) -> None:
    """Each is done when the call returns; folder and file are private."""
    path = tmp_path / "var" / "sipapp.sqlite"
    with Users(path) as users:
        users.add("alice", "example.com", "one")
        users.add("bob", "example.com", "two")
        (before, _) = users.list("example.com")
        users.set_password("alice", "example.com", "three")
        (after, _) = users.list("example.com")
        users.delete("bob", "example.com")
        assert (users.has("alice", "example.com"), users.has("bob", "example.com")) == (True, False)
    assert before.ha1_sha256 != after.ha1_sha256
    assert names(path) == ["alice@example.com"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_password_is_not_kept(tmp_path: Path) -> None:
    """Hashes are, for digest authentication (RFC 7616 3.4.2)."""
    with Users(tmp_path / "x.sqlite") as users:
        users.put("alice", "example.com", "correct horse")
        users.put("alice", "example.com", "battery staple")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"alice" in content
    assert b"battery staple" not in content


def test_a_refused_change_is_an_error(tmp_path: Path) -> None:
    """Adding twice, changing or deleting nobody."""
    with Users(tmp_path / "x.sqlite") as users:
        users.add("alice", "example.com", "one")
        with pytest.raises(StoreError):
            users.add("alice", "example.com", "two")
        with pytest.raises(StoreError):
            users.set_password("bob", "example.com", "two")
        with pytest.raises(StoreError):
            users.delete("bob", "example.com")
    assert names(tmp_path / "x.sqlite") == ["alice@example.com"]


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    """It names the file."""
    path = tmp_path / "x.sqlite"
    path.write_text("This is a letter, not a database. " * 50)
    with pytest.raises(StoreError, match=r"x\.sqlite: file is not a database"), Users(path):
        pass


@pytest.mark.parametrize("text", ["alice@Example.com", "sip:alice@example.com"])
def test_users_are_written_like_addresses(text: str) -> None:
    """The domain is lower case, the user name is not touched."""
    assert split_user(text) == ("alice", "example.com")


@pytest.mark.parametrize("text", ["alice", "@example.com", "alice@", ""])
def test_a_user_needs_name_and_domain(text: str) -> None:
    """There is no default domain."""
    with pytest.raises(StoreError, match=r"write it like alice@example\.com"):
        split_user(text)


def test_generated_passwords_can_be_typed() -> None:
    """Three groups of four, no characters that look alike."""
    digits = iter("abcdefghjkmn")
    assert generate_password(lambda alphabet: next(digits)) == "abcd-efgh-jkmn"
    assert not set(generate_password()) & set("0O1lI")
