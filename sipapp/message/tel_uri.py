"""Telephone numbers as URIs. RFC: 3966."""

from __future__ import annotations

__all__ = ["TelUri", "parse_tel"]

from sipapp.errors import UsageError
from sipapp.message.escape import comparable
from sipapp.message.grammar import BAD_ESCAPE, PARAM_CHARS, canonical_host, rule
from sipapp.message.params import NO_PARAMS, Params

# RFC 3966 3: telephone-uri. A value may hold all of uric but ";", for isub's sake.
_TEL = rule(
    r"[tT][eE][lL]:(\+[\-.()]*+[0-9][0-9\-.()]*+|[\-.()]*+[0-9A-Fa-f*#][0-9A-Fa-f*#\-.()]*+)"
    rf"((?>(?:;[A-Za-z0-9\-]++(?>(?:=[{PARAM_CHARS}?@,=]++)?))*))"
)

# RFC 3966 3: descriptor, when it is global-number-digits.
_CONTEXT = rule(r"\+[\-.()]*+[0-9][0-9\-.()]*+")

_SEPARATORS = str.maketrans("", "", "-.()")


class TelUri:
    """A ``tel:`` URI; treat it as immutable.

    A local number without ``phone-context`` is taken although RFC 3966 5.1.5 demands one, because
    ``tel:112`` is what phones send.

    RFC: 3966 3.

    Attributes:
        number: as on the wire, with its visual separators.
        params: everything behind the number.
    """

    __slots__ = ("_text", "number", "params")

    scheme = "tel"

    def __init__(self, number: str, params: Params = NO_PARAMS, text: str = "") -> None:
        self.number = number
        self.params = params
        self._text = text or f"tel:{number}{params}"
        if not text and parse_tel(self._text) is None:
            raise UsageError("the parts do not make a legal tel URI")

    @property
    def is_global(self) -> bool:
        """Whether the number is a global (E.164) one. RFC: 3966 5.1.4."""
        return self.number.startswith("+")

    @property
    def digits(self) -> str:
        """The number without visual separators, lower case. RFC: 3966 5.1.1."""
        return _bare(self.number)

    @property
    def context(self) -> str | None:
        """The ``phone-context`` in the form that is compared; None without. RFC: 3966 4."""
        value = self.params.get("phone-context")
        if value is None:
            return None
        return _bare(value) if value.startswith("+") else value.lower()

    def aor(self) -> str:
        """Give the canonical text of the number: digits, then the context if it is local."""
        context = self.context
        return f"tel:{self.digits}" + (f";phone-context={context}" if context else "")

    def redacted(self) -> str:
        """Give the text for logs: there is no password in it."""
        return self._text

    def matches(self, other: object) -> bool:
        """Tell whether both name the same number. RFC: 3966 4."""
        return (
            isinstance(other, TelUri)
            and self.digits == other.digits
            and self._params_key() == other._params_key()
        )

    def _params_key(self) -> dict[str, str | None]:
        key = comparable(self.params.items())
        if "phone-context" in key:
            key["phone-context"] = self.context
        if (extension := key.get("ext")) is not None:
            key["ext"] = _bare(extension)
        return key

    def __eq__(self, other: object) -> bool:
        """Equal text; see ``matches``."""
        return self._text == other._text if isinstance(other, TelUri) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"TelUri({self._text!r})"


def _bare(number: str) -> str:
    return number.translate(_SEPARATORS).lower()


def parse_tel(text: str) -> TelUri | None:
    """Parse ``tel:...``; None if it breaks the grammar.

    Raises:
        MessageError: a parameter appears twice.
    """
    match = _TEL.fullmatch(text)
    if match is None or BAD_ESCAPE.search(text):
        return None
    params = Params(match[2], uri=True, field="URI")
    params.check()
    context = params.get("phone-context")
    if context is not None and not _CONTEXT.fullmatch(context) and canonical_host(context) is None:
        return None
    return TelUri(match[1], params, text)
