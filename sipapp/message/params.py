"""Parameters of header fields and of URIs: an ordered list with case-insensitive names.

The text is looked at only when somebody asks, because most parameters of most messages are
forwarded and never read. Who makes a ``Params`` from wire text has matched that text with the
grammar before; the one rule checked here is that no name appears twice.
"""

from __future__ import annotations

__all__ = ["NO_PARAMS", "Params"]

import re
from collections.abc import Iterator

from sipapp.errors import MessageError, UsageError
from sipapp.message.escape import unescape
from sipapp.message.grammar import (
    BAD_ESCAPE,
    GEN_VALUE,
    PARAM_CHARS,
    QUOTED_STRING,
    SWS,
    TOKEN,
    rule,
    unquote,
)

# One parameter, blanks allowed around it; a value is everything up to the next separator.
_PAIRS = rule(rf"{SWS};{SWS}([^;= \t\"]++)(?>(?:{SWS}(=){SWS}({QUOTED_STRING}|[^; \t\"]*+))?){SWS}")
_HEADER_NAME = rule(TOKEN)
_HEADER_VALUE = rule(GEN_VALUE)
_URI_TEXT = rule(rf"[{PARAM_CHARS}]++")


class Params:
    """The parameters behind one URI or one header field value; treat it as immutable.

    Names are compared without regard to case, in a URI also after decoding escapes, so that
    ``%6C%72`` is ``lr``. Values are kept as on the wire.

    RFC: 3261 7.3.1 (no name twice), 19.1.1, 25.1.

    Args:
        text: wire text with its leading ``;``, already matched by the grammar; or empty.
        uri: parameters of a URI (escapes) instead of a header field (quoted strings).
        field: name for errors.
    """

    __slots__ = ("_field", "_index", "_text", "_uri")

    def __init__(self, text: str = "", *, uri: bool = False, field: str = "parameters") -> None:
        self._text = text
        self._uri = uri
        self._field = field
        self._index: dict[str, tuple[str, str | None]] | None = None

    def _pairs(self) -> dict[str, tuple[str, str | None]]:
        index = self._index
        if index is None:
            index = self._index = self._read()
        return index

    def _read(self) -> dict[str, tuple[str, str | None]]:
        index: dict[str, tuple[str, str | None]] = {}
        for name, equals, value in _PAIRS.findall(self._text):
            key = self._key(name)
            if key in index:
                raise MessageError(self._field, "a parameter appears twice")
            index[key] = (name, value if equals else None)
        return index

    def _key(self, name: str) -> str:
        return (unescape(name) if self._uri else name).lower()

    def check(self) -> None:
        """Look at the text now instead of later.

        Raises:
            MessageError: a name appears twice.
        """
        self._pairs()

    def has(self, name: str) -> bool:
        """Tell whether the parameter is there, with or without a value."""
        return bool(self._text) and name.lower() in self._pairs()

    def get(self, name: str) -> str | None:
        """Give the value as on the wire; None if the parameter is absent or has no value."""
        if not self._text:
            return None
        pair = self._pairs().get(name.lower())
        return None if pair is None else pair[1]

    def unquoted(self, name: str) -> str | None:
        """Give the value without quotes (header field) or escapes (URI); None as for ``get``."""
        value = self.get(name)
        if value is None:
            return None
        return unescape(value) if self._uri else unquote(value)

    def items(self) -> list[tuple[str, str | None]]:
        """Give all (name, value) in wire order and spelling; value None where there is none."""
        return list(self._pairs().values())

    def with_(self, name: str, value: str | None = None) -> Params:
        """Copy with one parameter set: in its old place, or at the end if it is new.

        Args:
            name: token (header field) or paramchars (URI).
            value: legal wire text, quoted or escaped where that is needed; None for none.
        Raises:
            UsageError: name or value would break the grammar.
        """
        self._demand(name, value)
        index = dict(self._pairs())
        index[self._key(name)] = (name, value)
        return self._copy(index)

    def without(self, *names: str) -> Params:
        """Copy that lacks these parameters."""
        gone = {name.lower() for name in names}
        return self._copy({key: pair for key, pair in self._pairs().items() if key not in gone})

    def _copy(self, index: dict[str, tuple[str, str | None]]) -> Params:
        text = "".join(
            f";{name}" if value is None else f";{name}={value}" for name, value in index.values()
        )
        return Params(text, uri=self._uri, field=self._field)

    def _demand(self, name: str, value: str | None) -> None:
        names, values = (_URI_TEXT, _URI_TEXT) if self._uri else (_HEADER_NAME, _HEADER_VALUE)
        legal = _full(names, name) and (value is None or _full(values, value))
        if not legal or (self._uri and BAD_ESCAPE.search(f"{name}={value}")):
            raise UsageError("not a legal parameter name or value")

    def __contains__(self, name: str) -> bool:
        return self.has(name)

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return iter(self.items())

    def __len__(self) -> int:
        return len(self._pairs()) if self._text else 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Params):
            return NotImplemented
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Params({self._text!r})"


def _full(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None


NO_PARAMS = Params()
