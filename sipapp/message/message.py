"""Requests and responses: octets with an index, typed where somebody looks.

A message keeps the header lines it was read from. A typed field (``message.top_via``,
``request.uri``) is parsed at its first use and remembered; what nobody touches is written
back octet for octet. Change a field through the methods of the message, not through
``headers``, or what is remembered goes stale.
"""

from __future__ import annotations

__all__ = ["CSEQS", "HOPS", "STAR", "URIS", "Message", "Request", "Response", "response_to"]

from collections.abc import Iterable
from itertools import compress
from typing import Final, Literal

from sipapp.errors import MessageError, UsageError
from sipapp.message.fields import CSeq, NameAddr, Via, parse_cseq, parse_name_addr, split_via
from sipapp.message.headers import Headers
from sipapp.message.memo import Memo
from sipapp.message.status import reason_for
from sipapp.message.uri import Uri, parse_uri

STAR: Final = "*"
"""What ``contacts`` is for ``Contact: *``."""


def _read_cseq(line: bytes) -> CSeq:
    return parse_cseq(line.partition(b":")[2])


def _read_hops(line: bytes) -> int:
    raw = line.partition(b":")[2].strip()
    if not raw.isdigit() or len(raw) > 64 or int(raw) > 255:
        raise MessageError("Max-Forwards", "is not a number from 0 to 255")
    return int(raw)


CSEQS = Memo(_read_cseq)
"""CSeq lines and what they say."""

HOPS = Memo(_read_hops)
"""Max-Forwards lines and their number."""

URIS = Memo(parse_uri)
"""Request-URIs."""


class Message:
    """What requests and responses have in common."""

    # The tags are None while they were not read, and empty where there is none.
    __slots__ = (
        "_call_id", "_cseq", "_from", "_from_tag", "_to", "_to_tag", "_top_via", "body", "headers",
    )  # fmt: skip

    def __init__(self, headers: Headers, body: bytes) -> None:
        self.headers = headers
        self.body = body
        self._top_via: Via | None = None
        self._cseq: CSeq | None = None
        self._from: NameAddr | None = None
        self._from_tag: str | None = None
        self._to: NameAddr | None = None
        self._to_tag: str | None = None
        self._call_id: str | None = None

    def _required(self, name: str) -> bytes:
        value = self.headers.get(name)
        if value is None:
            raise MessageError(name, "is missing")
        return value

    @property
    def top_via(self) -> Via:
        """The first Via value (RFC 3261 20.42)."""
        via = self._top_via
        if via is None:
            via = self._top_via = split_via(self._required("Via"))[0]
        return via

    @property
    def vias(self) -> list[Via]:
        """All Via values, topmost first."""
        return [split_via(value)[0] for value in self.headers.elements("Via")]

    @property
    def cseq(self) -> CSeq:
        """The sequence number and method (RFC 3261 20.16)."""
        cseq = self._cseq
        if cseq is None:
            line = self.headers.line("CSeq")
            if line is None:
                raise MessageError("CSeq", "is missing")
            cseq = self._cseq = CSEQS[line]
        return cseq

    @property
    def from_(self) -> NameAddr:
        """The From field (RFC 3261 20.20)."""
        value = self._from
        if value is None:
            value = self._from = parse_name_addr(self._required("From"), "From")
        return value

    @property
    def to(self) -> NameAddr:
        """The To field (RFC 3261 20.39)."""
        value = self._to
        if value is None:
            value = self._to = parse_name_addr(self._required("To"), "To")
        return value

    @property
    def from_tag(self) -> str | None:
        """The tag of From, None where a peer of RFC 2543 sent none."""
        tag = self._from_tag
        if tag is None:
            tag = self._from_tag = self.from_.tag or ""
        return tag or None

    @property
    def to_tag(self) -> str | None:
        """The tag of To, None outside a dialog."""
        tag = self._to_tag
        if tag is None:
            tag = self._to_tag = self.to.tag or ""
        return tag or None

    @property
    def call_id(self) -> str:
        """The Call-ID, compared octet for octet (RFC 3261 20.8)."""
        value = self._call_id
        if value is None:
            raw = self._required("Call-ID")
            value = self._call_id = raw.decode("utf-8", "surrogateescape")
        return value

    @property
    def contacts(self) -> list[NameAddr] | Literal["*"]:
        """The Contact values in wire order, or ``STAR`` for ``Contact: *`` (RFC 3261 20.10)."""
        values = self.headers.elements("Contact")
        if b"*" in values:
            if len(values) > 1:
                raise MessageError("Contact", "has * beside other values")
            return STAR
        return [parse_name_addr(value, "Contact") for value in values]

    @property
    def expires(self) -> int | None:
        """Seconds of the Expires field, None when absent; RFC 3261 20.19 caps it at 2**32-1."""
        raw = self.headers.get("Expires")
        if raw is None:
            return None
        if not raw.isdigit() or len(raw) > 64:
            raise MessageError("Expires", "is not a number of seconds")
        return min(int(raw), 2**32 - 1)

    def name_addrs(self, name: str) -> list[NameAddr]:
        """Return the values of a list header of name-addr form, such as Route or Path."""
        return [parse_name_addr(value, name) for value in self.headers.elements(name)]

    @property
    def routes(self) -> list[NameAddr]:
        """The Route values, next hop first."""
        return self.name_addrs("Route")

    @property
    def record_routes(self) -> list[NameAddr]:
        """The Record-Route values, in wire order."""
        return self.name_addrs("Record-Route")

    def option_tags(self, name: str) -> list[str]:
        """Return the lower-case tokens of Require, Proxy-Require, Supported and their like."""
        if name not in self.headers.names:
            return []
        values = self.headers.elements(name)
        return [value.decode("ascii", "replace").lower() for value in values]

    @property
    def privacy(self) -> frozenset[str]:
        """The lower-case words of the Privacy field (RFC 3323 4.2), empty without one."""
        if "Privacy" not in self.headers.names:
            return frozenset()
        text = b";".join(self.headers.get_all("Privacy")).decode("latin-1").lower()
        return frozenset(word.strip() for word in text.split(";"))

    def set_header(self, name: str, value: bytes) -> None:
        """Give ``name`` exactly one line with ``value``."""
        self.headers.set(name, value)
        self._forget()

    def add_header(self, name: str, value: bytes) -> None:
        """Append a line to the header section."""
        self.headers.add(name, value)
        self._forget()

    def remove_header(self, name: str) -> int:
        """Drop every line called ``name``; return how many there were."""
        self._forget()
        return self.headers.remove(name)

    def pop_via(self) -> None:
        """Take the topmost Via value away (RFC 3261 16.7 step 3)."""
        names, lines = self.headers.names, self.headers.lines
        at = names.index("Via")
        line = lines[at]
        rest = line.partition(b",")[2].strip()
        if b'"' in line:  # the comma may be a quoted one
            rest = split_via(line.partition(b":")[2].strip())[1] or b""
        if rest:
            lines[at] = b"Via: " + rest
        else:
            del names[at], lines[at]
        self._top_via = None

    def replace_top_via(self, via: bytes) -> None:
        """Write ``via`` in place of the topmost Via value; its neighbours stay."""
        rest = split_via(self._required("Via"))[1]
        at = self.headers.names.index("Via")
        self.headers.lines[at] = b"Via: " + via + (b", " + rest if rest else b"")
        self._top_via = None

    def _forget(self) -> None:
        self._top_via = self._cseq = self._from = self._to = self._call_id = None
        self._from_tag = self._to_tag = None

    def start_line(self) -> bytes:
        """Return the first line without CRLF."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Return the message as it goes on the wire."""
        return b"\r\n".join((self.start_line(), *self.headers.lines, b"", self.body))


class Request(Message):
    """A SIP request (RFC 3261 7.1).

    Attributes:
        method: as received; methods compare by case.
        raw_uri: the Request-URI octet for octet.
    """

    __slots__ = ("_uri", "method", "raw_uri")

    def __init__(self, method: str, raw_uri: bytes, headers: Headers, body: bytes = b"") -> None:
        self.headers = headers
        self.body = body
        self.method = method
        self.raw_uri = raw_uri
        self._uri: Uri | None = None
        self._top_via = None
        self._cseq = None
        self._from = None
        self._from_tag = None
        self._to = None
        self._to_tag = None
        self._call_id = None

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.raw_uri!r}>"

    @property
    def uri(self) -> Uri:
        """The Request-URI (RFC 3261 7.1)."""
        uri = self._uri
        if uri is None:
            uri = self._uri = URIS[self.raw_uri]
        return uri

    def replace_uri(self, uri: Uri) -> None:
        """Write another Request-URI."""
        self.raw_uri = str(uri).encode("utf-8", "surrogateescape")
        self._uri = uri

    @property
    def max_forwards(self) -> int | None:
        """Hops left, 0 to 255, or None when the field is absent (RFC 3261 20.22)."""
        line = self.headers.line("Max-Forwards")
        return None if line is None else HOPS[line]

    def copy(self) -> Request:
        """Return a copy whose header list can be changed on its own."""
        return Request(self.method, self.raw_uri, self.headers.copy(), self.body)

    def start_line(self) -> bytes:
        """Return ``METHOD uri SIP/2.0``."""
        return b"%b %b SIP/2.0" % (self.method.encode("ascii"), self.raw_uri)


class Response(Message):
    """A SIP response (RFC 3261 7.2).

    Attributes:
        status: 100 to 699.
        reason: the reason phrase; may be empty.
    """

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        self.headers = headers
        self.body = body
        self.status = status
        self.reason = reason
        self._top_via = None
        self._cseq = None
        self._from = None
        self._from_tag = None
        self._to = None
        self._to_tag = None
        self._call_id = None

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"

    @property
    def final(self) -> bool:
        """Whether the response ends its transaction: every class but 1xx."""
        return self.status >= 200

    def copy(self) -> Response:
        """Return a copy whose header list can be changed on its own."""
        return Response(self.status, self.reason, self.headers.copy(), self.body)

    def start_line(self) -> bytes:
        """Return ``SIP/2.0 status reason``."""
        return b"SIP/2.0 %d %b" % (self.status, self.reason.encode("utf-8", "surrogateescape"))


_COPIED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
_COPIED_100 = _COPIED | {"Timestamp"}
_COPIED_DIALOG = _COPIED | {"Record-Route"}


def response_to(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    extra: Iterable[tuple[str, bytes]] = (),
    body: bytes = b"",
) -> Response:
    """Build a response to ``request``.

    RFC: 3261 8.2.6, 12.1.1. Copies Via, From, To, Call-ID and CSeq line by line, Timestamp
    into a 100, Record-Route into other provisional and 2xx responses.

    Args:
        request: may be incomplete (a malformed one): what is missing is left out.
        status: 100 to 699.
        reason: the phrase, the registered one when None.
        to_tag: put into To when it has none and ``status`` is not 100; a broken tag counts as
            one, and goes back as it came.
        extra: further header fields, in order.
        body: goes with a Content-Length; name its type in ``extra``.
    Raises:
        UsageError: ``reason`` or ``extra`` has a line break, and so could smuggle in header fields.
    """
    copied = _COPIED if status >= 300 else _COPIED_100 if status == 100 else _COPIED_DIALOG
    kept = [name in copied for name in request.headers.names]
    names = list(compress(request.headers.names, kept))
    lines = list(compress(request.headers.lines, kept))
    if to_tag is not None and status != 100 and "To" in names and not _has_to_tag(request):
        lines[names.index("To")] += b";tag=" + to_tag.encode("ascii")
    for name, value in extra:
        line = b"%b: %b" % (name.encode("ascii"), value)
        if b"\n" in line or b"\r" in line:
            raise UsageError(f"a line break in the {name!r} of an answer")
        names.append(name)
        lines.append(line)
    if reason is not None and not reason.isprintable():
        raise UsageError("the reason phrase of an answer is not printable")
    names.append("Content-Length")
    lines.append(b"Content-Length: %d" % len(body))
    return Response(
        status, reason_for(status) if reason is None else reason, Headers(names, lines), body
    )


def _has_to_tag(request: Request) -> bool:
    """Whether To has a tag, right or wrong: an answer must never fail on what it answers."""
    try:
        return request.to_tag is not None
    except MessageError:
        return True
