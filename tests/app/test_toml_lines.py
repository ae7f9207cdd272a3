"""Lines of keys in a TOML text."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from sipapp.app.config.toml_lines import lines_of

TEXT = '''\
# a comment with = and [brackets]
listen = [
  "udp:5060", # "tcp:1",
  'tcp:5060',

  ["nested]", """
  three lines
  """],
]
a.b."c d" = { x = 1, y = [
  2] }
text = """
[registrar]
min_expires = 5 \\"""
"""
when = 2026-01-01T00:00:00Z
[registrar]
min_expires = 60  # seconds

[[domain]]
name = "a"
[[domain]]
name = \'\'\'b\'\'\'
[domain.inner]
z = -1.5e3
'''


def test_every_key_and_element_has_its_line() -> None:
    """Strings, comments and nested values are stepped over; array tables are counted."""
    tomllib.loads(TEXT)
    assert lines_of(TEXT) == {
        ("listen",): 2,
        ("listen", 0): 3,
        ("listen", 1): 4,
        ("listen", 2): 6,
        ("listen", 2, 0): 6,
        ("listen", 2, 1): 6,
        ("a",): 10,
        ("a", "b"): 10,
        ("a", "b", "c d"): 10,
        ("a", "b", "c d", "x"): 10,
        ("a", "b", "c d", "y"): 10,
        ("a", "b", "c d", "y", 0): 11,
        ("text",): 12,
        ("when",): 16,
        ("registrar",): 17,
        ("registrar", "min_expires"): 18,
        ("domain",): 20,
        ("domain", 0): 20,
        ("domain", 0, "name"): 21,
        ("domain", 1): 22,
        ("domain", 1, "name"): 23,
        ("domain", 1, "inner"): 24,
        ("domain", 1, "inner", "z"): 25,
    }


def test_windows_line_ends_count_once() -> None:
    """CRLF is one line end."""
    assert lines_of("a = 1\r\nb = [\r\n2]\r\n") == {("a",): 1, ("b",): 2, ("b", 0): 3}


@given(st.text(st.sampled_from("abc.=[]{}\"'#,\n \\1-"), max_size=40))
def test_whatever_tomllib_accepts_is_followed(text: str) -> None:
    """The scanner relies on the grammar only as far as ``tomllib`` has checked it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert {path[0] for path in lines_of(text)} == set(data)
