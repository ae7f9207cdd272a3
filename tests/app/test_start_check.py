"""Mistakes that would show at the start only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sipapp.app.application import Application
from sipapp.app.config import Config
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.interfaces import ISIPServer
from sipapp.app.start_check import start_problems
from sipapp.app.users import Users


class Fragile(Application):
    """Needs a key and does not say so."""

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        super().__init__(sip, section)
        self.key = section["key"]


FRAGILE = f"{__name__}:Fragile"


def lines(apps: list[str], store: StoreAddress, **sections: dict[str, object]) -> list[str]:
    """Every mistake, as text."""
    config = replace(Config(), apps=tuple(apps), store=store, app_sections=sections)
    return [str(problem) for problem in start_problems(config)]


def test_every_application_judges_its_section() -> None:
    """All mistakes of all of them, not those of the first that finds one."""
    section: dict[str, object] = {"prefix": 5, "tabel": {}}
    apps = [FRAGILE, "redirect", "registrar", "proxy"]
    assert lines(apps, StoreAddress("memory"), redirect=section) == [
        f"apps: {FRAGILE}: could not be made: KeyError('key');"
        " mend its section or take the name away",
        "app.redirect.prefix: is no text; write it in quotes",
        "app.redirect.tabel: is no key here; use table or prefix",
    ]


@pytest.mark.parametrize("content", [None, b""])
def test_a_database_that_is_made_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    """It is not made by looking for it."""
    path = tmp_path / "x.db"
    if content is not None:
        path.write_bytes(content)
    before = list(tmp_path.iterdir())
    assert lines(["proxy"], StoreAddress("sqlite", path)) == []
    assert list(tmp_path.iterdir()) == before


def test_what_can_be_no_database(tmp_path: Path) -> None:
    """A folder, and a file of another kind; one that `sipapp user` has made is right."""
    letter, right = tmp_path / "letter", tmp_path / "x.db"
    letter.write_text("This is a letter, not a database.")
    with Users(right) as users:
        users.put("alice", "example.com", "wonder")
    assert [lines(["proxy"], StoreAddress("sqlite", one)) for one in (tmp_path, letter, right)] == [
        [f"store: {tmp_path}: Is a directory; name another file or mend this one"],
        [f"store: {letter}: is no SQLite database; name another file or mend this one"],
        [],
    ]
