"""One datagram, or one framed message, to a Request or a Response.

The parser always checks the envelope: the start line, header names, control octets, the
five fields every message must have, the fields that may stand only once, and lengths. What
it had to look into for that (Via, From, To, CSeq, Call-ID, Request-URI) is remembered in
the message; every other field is parsed by whoever uses it.
"""

from __future__ import annotations

__all__ = ["MAX_HEADER_LINES", "MalformedMessage", "parse_message"]

import re

from sipapp.errors import MessageError
from sipapp.message.fields import parse_cseq, parse_name_addr, split_via
from sipapp.message.grammar import unfold
from sipapp.message.headers import SPELLINGS, Headers, canonical
from sipapp.message.message import Request, Response
from sipapp.message.uri import parse_uri

MAX_HEADER_LINES = 1024
"""Most header lines of one message; more is answered 513."""

_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t\r\n")
# 25.1: quoted-pair. The closing quote is optional, so that an open string is passed over once
# instead of being tried again from each of its quotes.
_QUOTED_PAIRS = re.compile(rb'"(?:[^"\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\\[\x00-\x7f])*+"?')
_VERSION = re.compile(rb"SIP/\d{1,9}\.\d{1,9}", re.IGNORECASE)
_METHOD = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]{1,64}")
_CALL_ID = re.compile(rb"[^\s@]+(?:@[^\s@]*)*")  # word ["@" word], told loosely: peers invent
_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6]\d\d)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_REQUIRED = {"Via", "From", "To", "Call-ID", "CSeq"}
_SINGLE = (
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Max-Forwards",
    "Content-Length",
    "Content-Type",
    "Expires",
    "Min-Expires",
    "Date",
    "Subject",
    "Event",
    "Max-Breadth",
)


class MalformedMessage(MessageError):
    """A message that breaks the envelope.

    Attributes:
        partial: a request built from the lines that can be echoed, for a 400; None when
            nothing may be answered (a response, an ACK, no Via).
    """

    def __init__(self, error: MessageError, partial: Request | None) -> None:
        super().__init__(error.field, error.reason, error.status_hint)
        self.partial = partial


def index_lines(lines: list[bytes]) -> list[str]:
    """Return the canonical names of header lines.

    This is the hot loop of the whole server: about half the cost of reading a message.

    Raises:
        MessageError: a line has no colon or its name is not a token.
    """
    names = []
    known = SPELLINGS.get
    append = names.append
    for line in lines:
        name, colon, _ = line.partition(b":")  # a third of the time of find and slice
        append(known(name) or canonical(name) if colon else canonical(b""))
    return names


def parse_message(data: bytes) -> Request | Response:
    """Read one message.

    RFC: 3261 7, 18.3, 25.1; RFC 4475 for what to refuse.

    Args:
        data: one datagram or one framed message, at most 64 KiB of header section. CRLFs
            in front are skipped, octets behind the body are dropped.
    Raises:
        MalformedMessage: with ``status_hint`` 400, 413, 505 or 513.
    """
    if data[:1] in b"\r\n":
        data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    head = data if end < 0 else data[:end]
    lines = (unfold(head) if b"\r\n " in head or b"\r\n\t" in head else head).split(b"\r\n")
    start = lines.pop(0)
    try:
        _check_octets(head)
        if end < 0:
            raise MessageError("message", "header section has no end")
        if len(lines) > MAX_HEADER_LINES:
            raise MessageError("message", "too many header lines", 513)
        names = index_lines(lines)
        headers = Headers(names, lines)
        body = _body(headers, data, end + 4)
        if start[:8].upper() == b"SIP/2.0 ":
            return _response(start, headers, body)
        return _request(start, headers, body)
    except MessageError as error:
        raise MalformedMessage(error, _partial(start, lines)) from None


def _request(start: bytes, headers: Headers, body: bytes) -> Request:
    words = start.split(b" ")
    if len(words) != 3 or _METHOD.fullmatch(words[0]) is None:
        raise MessageError("request line", "is not METHOD SP URI SP SIP/2.0")
    method, raw_uri, version = words
    if version != b"SIP/2.0" and version.upper() != b"SIP/2.0":
        if _VERSION.fullmatch(version):
            raise MessageError("version", "is not SIP/2.0", 505)
        raise MessageError("request line", "has no SIP version")
    request = Request(method.decode("ascii"), raw_uri, headers, body)
    _check_envelope(request)
    request._uri = parse_uri(raw_uri)
    if request._cseq.method != request.method:  # type: ignore[union-attr]
        raise MessageError("CSeq", "names another method")
    if "Max-Forwards" in headers.names:
        _ = request.max_forwards
    return request


def _response(start: bytes, headers: Headers, body: bytes) -> Response:
    match = _STATUS_LINE.fullmatch(start)
    if match is None:
        raise MessageError("status line", "has no status from 100 to 699")
    reason = (match.group(2) or b"").decode("utf-8", "surrogateescape")
    response = Response(int(match.group(1)), reason, headers, body)
    _check_envelope(response)
    return response


def _check_envelope(message: Request | Response) -> None:
    """Parse and remember the five mandatory fields; refuse repeated singletons."""
    names, lines = message.headers.names, message.headers.lines
    present = set(names)
    if not present >= _REQUIRED:
        missing = next(n for n in ("Via", "From", "To", "Call-ID", "CSeq") if n not in present)
        raise MessageError(missing, "is missing")
    if len(present) != len(names):
        for name in _SINGLE:
            if names.count(name) > 1:
                raise MessageError(name, "stands more than once")
    message._top_via = split_via(_value(lines[names.index("Via")]))[0]
    message._from = parse_name_addr(_value(lines[names.index("From")]), "From")
    message._to = parse_name_addr(_value(lines[names.index("To")]), "To")
    message._cseq = parse_cseq(_value(lines[names.index("CSeq")]))
    call_id = _value(lines[names.index("Call-ID")])
    if _CALL_ID.fullmatch(call_id) is None:
        raise MessageError("Call-ID", "is not a word")
    message._call_id = call_id.decode("utf-8", "surrogateescape")


def _value(line: bytes) -> bytes:
    return line.partition(b":")[2].strip()


def _body(headers: Headers, data: bytes, start: int) -> bytes:
    """Return the body; without a Content-Length it is the rest, and the field is added.

    RFC: 3261 18.3. The field is added because the message may leave over a stream.
    """
    available = len(data) - start
    names = headers.names
    if "Content-Length" not in names:
        headers.add("Content-Length", b"%d" % available)
        return data[start:]
    for name, line in zip(names, headers.lines, strict=True):
        if name == "Content-Length":
            declared = _value(line)
            if not declared.isdigit() or len(declared) > 10:
                raise MessageError("Content-Length", "is not a number of at most 10 digits")
    length = int(_value(headers.lines[names.index("Content-Length")]))
    if length > available:
        raise MessageError("Content-Length", "is larger than the body")
    return data[start : start + length]


def _check_octets(head: bytes) -> None:
    """Refuse controls outside quoted pairs, and CR or LF alone (RFC 3261 25.1)."""
    breaks = head.count(b"\r\n")
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks:
        raise MessageError("message", "has a CR or LF alone")
    if len(head.translate(None, _CONTROLS)) != len(head):
        bare = _QUOTED_PAIRS.sub(b"", head)
        if len(bare.translate(None, _CONTROLS)) != len(bare):
            raise MessageError("message", "has a control octet")


def _partial(start: bytes, lines: list[bytes]) -> Request | None:
    """Build what a 400 needs from lines that are safe to echo."""
    if start[:7].upper() == b"SIP/2.0" or start.startswith(b"ACK ") or b" " not in start:
        return None
    names: list[str] = []
    safe: list[bytes] = []
    for line in lines[:MAX_HEADER_LINES]:
        if b":" not in line or len(line.translate(None, _CONTROLS + b"\r\n")) != len(line):
            continue
        try:
            name = canonical(line[: line.find(b":")])
        except MessageError:
            continue
        if name == "Via" or (name in _REQUIRED and name not in names):
            names.append(name)
            safe.append(line)
    if "Via" not in names:
        return None
    method = start.partition(b" ")[0]
    shown = method.decode("ascii") if _METHOD.fullmatch(method) else "UNKNOWN"
    return Request(shown, b"", Headers(names, safe))
