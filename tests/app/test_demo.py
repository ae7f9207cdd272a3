"""The demonstration: two users, and one screen of text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sipapp.app.config import Config
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.demo import DEMO, prepare, screen
from sipapp.app.users import Users
from sipapp.errors import ConfigError
from sipapp.store.accounts import new_account


def demo(folder: Path) -> Config:
    """The demonstration's configuration with its state in a folder."""
    state_dir = folder / "var"
    store = StoreAddress("sqlite", state_dir / "sipapp.sqlite")
    return replace(DEMO, state_dir=state_dir, store=store)


def test_a_second_start_finds_the_same_users(tmp_path: Path) -> None:
    """Phones that were set up once keep working; the passwords can be shown again."""
    words = iter(["one", "two", "three", "four"])
    config = demo(tmp_path)
    expected = {"alice@127.0.0.1": "one", "bob@127.0.0.1": "two"}
    assert prepare(config, lambda: next(words)) == expected
    assert prepare(config, lambda: next(words)) == expected
    assert config.store.path is not None
    with Users(config.store.path) as users:
        assert users.list() == [
            new_account("alice", "127.0.0.1", "one"),
            new_account("bob", "127.0.0.1", "two"),
        ]
    assert (tmp_path / "var/demo-users.txt").stat().st_mode & 0o777 == 0o600


def test_another_domain_gets_users_of_its_own(tmp_path: Path) -> None:
    """Those of the first domain are not forgotten."""
    words = iter(["one", "two", "three", "four"])
    config = demo(tmp_path)
    first = prepare(config, lambda: next(words))
    second = prepare(replace(config, domains=("example.com",)), lambda: next(words))
    assert second == {"alice@example.com": "three", "bob@example.com": "four"}
    assert prepare(config, lambda: next(words)) == first


def test_a_damaged_list_of_passwords_is_a_line(tmp_path: Path) -> None:
    """It says which file and what to do."""
    config = demo(tmp_path)
    config.state_dir.mkdir()
    (config.state_dir / "demo-users.txt").write_text("alice\n")
    with pytest.raises(ConfigError) as caught:
        prepare(config)
    assert str(caught.value) == (
        f"{config.state_dir}/demo-users.txt: is not a list of users and passwords;"
        " delete it or change its owner"
    )


def test_it_needs_a_database(tmp_path: Path) -> None:
    """In memory no command could add a third user."""
    with pytest.raises(ConfigError) as caught:
        prepare(replace(demo(tmp_path), store=StoreAddress("memory")))
    assert str(caught.value) == (
        "--demo: keeps its users in SQLite, not in memory; leave --store away or use sqlite:PATH"
    )


def test_the_text_fits_one_screen_and_says_all() -> None:
    """24 lines of 80 characters: addresses, users, passwords, what to do next."""
    config = replace(
        DEMO,
        state_dir=Path("/srv/my demo/var"),
        store=StoreAddress("sqlite", Path("/srv/my demo/var/sipapp.sqlite")),
    )
    passwords = {"alice@127.0.0.1": "one", "bob@127.0.0.1": "two"}
    text = screen(config, passwords, Path("/srv"), ".venv/bin/")
    lines = text.splitlines()
    assert len(lines) <= 24
    assert [line for line in lines if len(line) > 80 and "sqlite" not in line] == []
    for wanted in (
        "   UDP 127.0.0.1 port 5060\n   TCP 127.0.0.1 port 5060\n",
        "   alice@127.0.0.1          password one\n   bob@127.0.0.1            password two\n",
        "sip:bob@127.0.0.1\n",
        "--store 'sqlite:my demo/var/sipapp.sqlite'\n",
        ".venv/bin/sipapp init",
        "Ctrl-C",
    ):
        assert wanted in text
