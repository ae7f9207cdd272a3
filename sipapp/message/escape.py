"""Escapes of URIs: ``%`` and two hexadecimal digits.

RFC: 3261 19.1.2, 19.1.4. An escape is decoded once and never again, so ``%2541`` is ``%41``.
"""

from __future__ import annotations

__all__ = ["comparable", "escape_user", "normal", "unescape"]

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from sipapp.message.grammar import UNRESERVED_CHARS, USER_CHARS, decode_wire, encode_wire, rule

_ESCAPE = rule("%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(re.findall(f"[{UNRESERVED_CHARS}]", "".join(map(chr, range(128)))))
_USER = frozenset(re.findall(f"[{USER_CHARS}]", "".join(map(chr, range(128))))) - {"%"}


def unescape(text: str) -> str:
    """Decode every escape exactly once; octets that are not UTF-8 survive as surrogates."""
    return decode_wire(unquote_to_bytes(encode_wire(text))) if "%" in text else text


def escape_user(text: str) -> str:
    """Escape what may not stand in the user part of a SIP URI. RFC: 3261 19.1.2."""
    chars = map(chr, encode_wire(text))
    return "".join(char if char in _USER else f"%{ord(char):02X}" for char in chars)


def normal(text: str) -> str:
    """Spell escapes uniquely: unreserved characters bare, all others ``%HH`` in upper case.

    An escaped reserved character stays different from the bare one. RFC: 3261 19.1.4.
    """
    return _ESCAPE.sub(_respell, text) if "%" in text else text


def _respell(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char in _UNRESERVED else match[0].upper()


def comparable(pairs: Iterable[tuple[str, str | None]]) -> dict[str, str | None]:
    """Spell parameters of a URI so that equal ones are equal text. RFC: 3261 19.1.4."""
    return {
        unescape(name).lower(): None if value is None else normal(value).lower()
        for name, value in pairs
    }
