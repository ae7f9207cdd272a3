"""The header field values that every packet needs: Via, name-addr and CSeq; and the list split.

Each is matched by one compiled expression and keeps the text it came from, so that printing an
untouched value gives the same octets. Creation cost matters here, hence plain slotted classes;
they are treated as immutable by rule. ``Via`` has a file of its own and is named here, too.
"""

from __future__ import annotations

__all__ = [
    "CSeq",
    "NameAddr",
    "Via",
    "parse_cseq",
    "parse_name_addr",
    "split_list",
    "split_via",
]

from dataclasses import dataclass

from sipapp.errors import MessageError
from sipapp.message.grammar import (
    GEN_PARAMS,
    LWS,
    QUOTED_STRING,
    SWS,
    TOKEN,
    TOKEN_CHARS,
    decode_wire,
    encode_wire,
    is_token,
    quote,
    rule,
    unfold,
    unquote,
    wire_rule,
)
from sipapp.message.params import NO_PARAMS, Params
from sipapp.message.uri import Uri, parse_uri
from sipapp.message.via import Via, split_via

# RFC 3261 25.1: name-addr. The display name may end right before "<" (RFC 4475 3.1.1.6) and may
# hold UTF-8 without quotes, which the grammar forbids and phones send.
_NAME_ADDR = rule(
    rf"{SWS}(({QUOTED_STRING}|[{TOKEN_CHARS} \t\x80-\U0010ffff]*+){SWS}"
    rf"<([^<>\"\x00-\x20\x7f]++)>)({GEN_PARAMS}){SWS}"
)

# RFC 3261 20.10: a bare addr-spec holds no comma, question mark or semicolon.
_ADDR_SPEC = rule(rf"{SWS}([A-Za-z][A-Za-z0-9+\-.]*+:[^<>\",;?\x00-\x20\x7f]++)({GEN_PARAMS}){SWS}")

# RFC 3261 25.1: rec-route, route-param (and RFC 3327 Path, 3608 Service-Route) are name-addr only.
_BRACKETED = frozenset(("Route", "Record-Route", "Path", "Service-Route"))

# RFC 3261 25.1: CSeq; leading zeros are legal and do not count.
_CSEQ = rule(rf"{SWS}0*([0-9]{{1,10}}){LWS}({TOKEN}){SWS}")

_QUOTING = wire_rule(r'["<>]')

# One element of a list: up to a comma outside quotes and angle brackets.
_ELEMENT = wire_rule(r'(?>(?:[^",<>\\]++|"(?>(?:[^"\\]++|\\[\x00-\xff])*)"|<[^<>]*+>)*)')


class NameAddr:
    """An address in a header field: From, To, Contact, Route and their like.

    Bracket, quotes and the syntax of the parameters were checked; the URI is parsed when asked
    for, because a proxy never looks at most of them.

    RFC: 3261 20.10, 25.1 (name-addr / addr-spec).
    """

    __slots__ = ("_display", "_field", "_head", "_params", "_uri")

    def __init__(
        self,
        uri: Uri | str,
        display_name: str = "",
        params: Params | str = NO_PARAMS,
        *,
        field: str = "name-addr",
        head: str = "",
    ) -> None:
        self._uri = uri
        self._params = params
        self._field = field
        if head:
            self._display = display_name
            self._head = head
        else:
            self._display = _spell_name(display_name)
            self._head = f"{self._display} <{uri}>" if display_name else f"<{uri}>"

    @property
    def display_name(self) -> str:
        """The name without its quotes, empty if there is none."""
        return unquote(self._display.strip(" \t"))

    @property
    def uri(self) -> Uri:
        """The address.

        Raises:
            MessageError: not a URI.
        """
        uri = self._uri
        if isinstance(uri, str):
            uri = self._uri = parse_uri(encode_wire(uri), self._field)
        return uri

    @property
    def params(self) -> Params:
        """The parameters of the header field value, not those of the URI."""
        params = self._params
        if isinstance(params, str):
            params = self._params = Params(params, field=self._field)
        return params

    @property
    def tag(self) -> str | None:
        """The ``tag`` of From and To; None without.

        Raises:
            MessageError: the tag is no token, or a parameter appears twice.
        """
        params = self._params
        if not isinstance(params, Params) and params[:5] == ";tag=" and ";" not in params[5:]:
            tag: str | None = params[5:].rstrip(" \t")
        else:
            tag = self.params.get("tag")
        if tag is None and not self.params.has("tag"):
            return None
        if tag is None or not is_token(tag):
            raise MessageError(self._field, "bad tag")
        return tag

    def with_params(self, params: Params) -> NameAddr:
        """Copy with other parameters."""
        return NameAddr(self._uri, self._display, params, field=self._field, head=self._head)

    def with_tag(self, tag: str) -> NameAddr:
        """Copy with this tag."""
        return self.with_params(self.params.with_("tag", tag))

    def __str__(self) -> str:
        return f"{self._head}{self._params}"

    def __repr__(self) -> str:
        return f"NameAddr({self._field}, {self.display_name!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, NameAddr) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


def _spell_name(name: str) -> str:
    return name if not name or is_token(name) else quote(name)


def parse_name_addr(value: bytes, field: str) -> NameAddr:
    """Parse one address of a header field.

    Parameters behind a bare addr-spec belong to the header field, not to the URI.

    RFC: 3261 20.10, 25.1; 4475 3.1.1.6, 3.1.2.6, 3.1.2.13 to 3.1.2.15.

    Args:
        value: one list element, at most 64 KiB; folding is allowed.
        field: canonical name of the field; Route, Record-Route, Path and Service-Route demand
            angle brackets.
    Raises:
        MessageError: unbalanced quote or bracket, a comma, question mark or blank where only
            brackets or quotes would allow it, or broken parameters.
    """
    text = decode_wire(unfold(value))
    match = _NAME_ADDR.fullmatch(text)
    if match is not None:
        head, display, uri, params = match.groups()
        return NameAddr(uri, display, params, field=field, head=head)
    match = _ADDR_SPEC.fullmatch(text)
    if match is None:
        raise MessageError(field, "not a valid address")
    if field in _BRACKETED:
        raise MessageError(field, "the address needs angle brackets")
    return NameAddr(match[1], "", match[2], field=field, head=match[1])


@dataclass(slots=True, unsafe_hash=True)
class CSeq:
    """Sequence number and method; treat it as immutable. RFC: 3261 20.16.

    Attributes:
        number: 0 to 2**32 - 1.
        method: as on the wire; methods are case-sensitive.
    """

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_cseq(value: bytes) -> CSeq:
    """Parse a CSeq value.

    RFC: 3261 20.16, 8.1.1.5.

    Args:
        value: field body; folding is allowed.
    Raises:
        MessageError: not a number and a method, or the number is 2**32 or more.
    """
    match = _CSEQ.fullmatch(unfold(value).decode("latin-1"))
    if match is None:
        raise MessageError("CSeq", "not a number and a method")
    number = int(match[1])
    if number > 0xFFFFFFFF:
        raise MessageError("CSeq", "number out of range")
    return CSeq(number, match[2])


def split_list(value: bytes, *, limit: int = 64, field: str = "list") -> list[bytes]:
    """Split a comma-separated header value, respecting quotes and angle brackets.

    RFC: 3261 7.3.1, 25.1. Escaped quotes inside a quoted string do not end it.

    Args:
        value: unfolded field body, no CRLF, at most 64 KiB (the parser's cap).
        limit: most elements allowed; guards against amplification.
        field: named in the error.
    Returns: elements in wire order, blanks trimmed; an empty body gives an empty list.
    Raises:
        MessageError: unbalanced quote or bracket, an empty element (hint 400), or more than
            ``limit`` elements (hint 513).
    """
    if not value.strip(b" \t"):
        return []
    quoting = _QUOTING.search(value)
    elements = _cut(value, limit, field) if quoting else value.split(b",", limit)
    if len(elements) > limit:
        raise MessageError(field, "too many values in one header field", 513)
    elements = [element.strip(b" \t") for element in elements]
    if not all(elements):
        raise MessageError(field, "empty value between commas")
    return elements


def _cut(value: bytes, limit: int, field: str) -> list[bytes]:
    """Cut at commas outside quotes and brackets; at most ``limit + 1`` elements."""
    elements: list[bytes] = []
    start = 0
    while len(elements) <= limit:
        match = _ELEMENT.match(value, start)
        assert match is not None  # the rule matches the empty string
        end = match.end()
        elements.append(value[start:end])
        if end == len(value):
            break
        if value[end] != 0x2C:
            raise MessageError(field, "unbalanced quote or angle bracket")
        start = end + 1
    return elements
