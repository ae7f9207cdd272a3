"""On which line of a TOML text each key stands.

``tomllib`` forgets lines, and a message without one sends the reader searching. This scanner runs
only over texts that ``tomllib`` has accepted, so it may trust the grammar and merely follow it:
it notes lines and skips values.
"""

from __future__ import annotations

__all__ = ["KeyPath", "lines_of"]

import re

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*(?:"((?:\\.|[^"\\])*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*""")
# Longest first: a three-quote string begins like an empty one.
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\r\n]*")


def lines_of(text: str) -> dict[KeyPath, int]:
    """Find the line of every key and of every list element.

    Args:
        text: TOML that ``tomllib`` accepts.
    Returns:
        path to line, counted from 1. A list element has its index as the last part; tables and
        the elements of an array of tables have the line of their header.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    """A cursor over the text."""

    __slots__ = ("at", "lines", "tables", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.tables: dict[KeyPath, int] = {}

    def document(self) -> None:
        prefix: KeyPath = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                prefix = self.header()
            else:
                self.pair(prefix)
            self.skip(_BLANK)

    def header(self) -> KeyPath:
        """Read ``[table]`` or ``[[element]]``; returns what the keys below it are prefixed with."""
        line = self.line()
        repeated = self.text.startswith("[[", self.at)
        self.at += 2 if repeated else 1
        path = self.in_last_element(self.key())
        self.at += 2 if repeated else 1
        if repeated:
            index = self.tables.get(path, -1) + 1
            self.tables[path] = index
            self.lines.setdefault(path, line)
            path = (*path, index)
        self.note(path, line)
        return path

    def in_last_element(self, path: KeyPath) -> KeyPath:
        """``[a.b]`` below ``[[a]]`` belongs to the latest ``a``."""
        found: KeyPath = ()
        for part in path[:-1]:
            found = (*found, part)
            if found in self.tables:
                found = (*found, self.tables[found])
        return (*found, path[-1])

    def pair(self, prefix: KeyPath) -> None:
        line = self.line()
        path = (*prefix, *self.key())
        self.note(path, line)
        self.at += 1  # the equals sign
        self.skip(_BLANK)
        self.value(path)

    def key(self) -> KeyPath:
        parts: list[str] = []
        while True:
            found = _KEY_PART.match(self.text, self.at)
            assert found is not None, "tomllib accepted a key that this scanner cannot read"
            parts.append(next(part for part in found.groups() if part is not None))
            self.at = found.end()
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def value(self, path: KeyPath) -> None:
        opening = self.text[self.at]
        if opening == "[":
            self.array(path)
        elif opening == "{":
            self.inline_table(path)
        elif opening in "\"'":
            self.skip(_STRING)
        else:
            self.skip(_SCALAR)

    def array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while not self.closes("]"):
            self.note((*path, index), self.line())
            self.value((*path, index))
            index += 1

    def inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while not self.closes("}"):
            self.pair(path)

    def closes(self, bracket: str) -> bool:
        """Step over blanks and a comma; True when the bracket was there and is behind us."""
        self.skip(_BLANK)
        if self.text.startswith(",", self.at):
            self.at += 1
            self.skip(_BLANK)
        if not self.text.startswith(bracket, self.at):
            return False
        self.at += 1
        return True

    def note(self, path: KeyPath, line: int) -> None:
        """Remember the line of a path, and of the parents that ``a.b.c = 1`` creates in passing."""
        for length in range(1, len(path)):
            self.lines.setdefault(path[:length], line)
        self.lines[path] = line

    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        assert found is not None, "tomllib accepted a text that this scanner cannot follow"
        self.at = found.end()
