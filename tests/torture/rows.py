"""The rows of both ``expectations.tsv``, one for each torture message."""

from __future__ import annotations

__all__ = ["ROWS", "Row", "each_row", "unfolded"]

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent

_FOLD = re.compile(rb"[ \t]*\r\n[ \t]+")


@dataclass(frozen=True)
class Row:
    """One message and what a compliant element makes of it; see README.md."""

    file: str
    path: Path
    validity: str
    parser: str
    proxy: frozenset[str]
    uas: frozenset[str]
    registrar: frozenset[str]
    stream: str

    @property
    def octets(self) -> bytes:
        """The message."""
        return self.path.read_bytes()

    @property
    def uri(self) -> str:
        """The Request-URI."""
        return self.octets.split(b" ")[1].decode()


def _read(folder: str) -> list[Row]:
    path = HERE / folder / "expectations.tsv"
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            Row(
                row["file"],
                path.parent / row["file"],
                row["validity"],
                row["parser"],
                frozenset(row["proxy"].split("|")),
                frozenset(row["uas"].split("|")),
                frozenset(row["registrar"].split("|")),
                row["stream"],
            )
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


ROWS = _read("rfc4475") + _read("rfc5118")


def each_row(wanted: Callable[[Row], object] = lambda row: True) -> pytest.MarkDecorator:
    """Run a test once for every row, or for those that are wanted."""
    rows = [pytest.param(row, id=row.file) for row in ROWS if wanted(row)]
    return pytest.mark.parametrize("row", rows)


def unfolded(octets: bytes) -> tuple[list[bytes], bytes]:
    """The lines of the header section without folding, start line first, and what is behind it."""
    head, _, rest = octets.partition(b"\r\n\r\n")
    return _FOLD.sub(b" ", head).split(b"\r\n"), rest
