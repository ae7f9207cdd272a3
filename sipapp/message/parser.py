"""One datagram, or one framed message, to a Request or a Response.

The parser always checks the envelope: the start line, header names, control octets, the
five fields every message must have, the fields that may stand only once, lengths, and what
the top Via and the CSeq say. Of a request it also checks From, To, Call-ID and Request-URI; a
response is most often passed on as it is. What was read for that is remembered in the message;
every other field is parsed by whoever uses it.

This is the hottest code of the server, and three things make it fast. One call looks at all
octets, lines or names (``translate``, ``split``, ``dict(zip(...))``: as many keys as lines
means that nothing is repeated). What repeats between messages is looked up in a `Memo`. And
what is unusual is not looked for: a folded line is noticed as one without a name, an address
with anything but a tag because the rule of the usual ones does not match.
"""

from __future__ import annotations

__all__ = ["MAX_HEADER_LINES", "MalformedMessage", "parse_message"]

import re
from typing import TypeAlias

from sipapp.errors import MessageError
from sipapp.message.fields import NameAddr, parse_name_addr, split_via
from sipapp.message.grammar import QUOTED_STRING, SWS, TOKEN, TOKEN_CHARS, unfold, wire_rule
from sipapp.message.headers import NAMES, Headers, canonical
from sipapp.message.memo import Memo
from sipapp.message.message import CSEQS, HOPS, URIS, Request, Response

MAX_HEADER_LINES = 1024
"""Most header lines of one message; more is answered 513."""

Fields: TypeAlias = dict[str, bytes]
"""Canonical names and the last line of each."""

_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t\r\n")
_CONTROLS_AND_ENDS = _CONTROLS + b"\r\n"
# 25.1: quoted-pair. The closing quote is optional, so that an open string is passed over once
# instead of being tried again from each of its quotes.
_QUOTED_PAIRS = re.compile(rb'"(?>(?:[^"\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\\[\x00-\x7f])*)"?')
_VERSION = re.compile(rb"SIP/\d{1,9}\.\d{1,9}", re.IGNORECASE)
_METHOD = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]{1,64}")
_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6]\d\d)(?: (.*))?", re.IGNORECASE | re.DOTALL)
# The usual From and To: what ``parse_name_addr`` takes, without parameters but the tag.
_USUAL_ADDRESS = wire_rule(
    rf"[^:]++:{SWS}(?:{QUOTED_STRING}|[{TOKEN_CHARS} ]*+){SWS}<[^<>\"\x00-\x20\x7f]++>"
    rf"(?>(?:;tag=({TOKEN}))?)"
)
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


def parse_message(data: bytes) -> Request | Response:
    """Read one message.

    RFC: 3261 7, 18.3, 25.1; RFC 4475 for what to refuse.

    Args:
        data: one datagram or one framed message, at most 64 KiB of header section. CRLFs
            in front are skipped, octets behind the body are dropped.
    Raises:
        MalformedMessage: with ``status_hint`` 400, 413, 505 or 513.
    """
    if data[:1] < b" ":
        data = data.lstrip(b"\r\n")
    head, end, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    start = lines.pop(0)
    try:
        odd = len(head) - len(head.translate(None, _CONTROLS_AND_ENDS)) - 2 * len(lines)
        if odd or not end or len(lines) > MAX_HEADER_LINES:
            _check_head(head, end)
        try:
            names = _names(lines)
        except MessageError:  # the rest of a folded line has no name
            start, *lines = _unfolded(head)
            names = _names(lines)
        fields = dict(zip(names, lines))  # noqa: B905  # one call, one name a line
        headers = Headers(names, lines)
        body = _body(headers, fields, rest)
        if start[:8].upper() == b"SIP/2.0 ":
            return _response(start, headers, fields, body)
        return _request(start, headers, fields, body)
    except MessageError as error:
        raise MalformedMessage(error, _partial(head)) from None


def _names(lines: list[bytes]) -> list[str]:
    """Return the canonical names of header lines.

    Raises:
        MessageError: a line has no colon or its name is not a token.
    """
    # Partition takes a third of the time of find and slice; the second loop is an assignment.
    return [
        NAMES[name if colon else b""]
        for line in lines
        for name, colon, _ in (line.partition(b":"),)
    ]


def _request(start: bytes, headers: Headers, fields: Fields, body: bytes) -> Request:
    words = start.split(b" ")
    if len(words) != 3:
        raise MessageError("request line", "is not METHOD SP URI SP SIP/2.0")
    method, raw_uri, version = words
    request = Request(_METHODS[method], raw_uri, headers, body)
    if version != b"SIP/2.0":
        _check_version(version)
    via, from_, to, call_id, cseq = _mandatory(headers, fields)
    request._top_via = split_via(_value(via))[0]
    request._from, request._from_tag = _address(from_, "From")
    request._to, request._to_tag = _address(to, "To")
    request._cseq = CSEQS[cseq]
    words = call_id.partition(b":")[2].split()
    if len(words) != 1 or words[0][:1] == b"@":  # word ["@" word], told loosely: peers invent
        raise MessageError("Call-ID", "is not a word")
    request._call_id = words[0].decode("utf-8", "surrogateescape")
    request._uri = URIS[raw_uri]
    if request._cseq.method != request.method:
        raise MessageError("CSeq", "names another method")
    if "Max-Forwards" in fields:
        HOPS[fields["Max-Forwards"]]
    return request


def _response(start: bytes, headers: Headers, fields: Fields, body: bytes) -> Response:
    status, reason = _STATUSES[start]
    response = Response(status, reason, headers, body)
    lines = _mandatory(headers, fields)
    response._top_via = split_via(_value(lines[0]))[0]
    response._cseq = CSEQS[lines[4]]
    return response


def _read_method(method: bytes) -> str:
    if _METHOD.fullmatch(method) is None:
        raise MessageError("request line", "is not METHOD SP URI SP SIP/2.0")
    return method.decode("ascii")


def _check_version(version: bytes) -> None:
    if version.upper() != b"SIP/2.0":
        if _VERSION.fullmatch(version):
            raise MessageError("version", "is not SIP/2.0", 505)
        raise MessageError("request line", "has no SIP version")


def _read_status(start: bytes) -> tuple[int, str]:
    match = _STATUS_LINE.fullmatch(start)
    if match is None:
        raise MessageError("status line", "has no status from 100 to 699")
    return int(match.group(1)), (match.group(2) or b"").decode("utf-8", "surrogateescape")


_METHODS = Memo(_read_method)
_STATUSES = Memo(_read_status)


def _mandatory(headers: Headers, fields: Fields) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Give the lines that every message has, the first Via; refuse repeated singletons."""
    try:
        via, from_, to = fields["Via"], fields["From"], fields["To"]
        call_id, cseq = fields["Call-ID"], fields["CSeq"]
    except KeyError as missing:
        raise MessageError(missing.args[0], "is missing") from None
    names = headers.names
    repeats = len(names) - len(fields)
    if repeats:
        via = headers.lines[names.index("Via")]
        if repeats >= names.count("Via"):  # others, too
            for name in _SINGLE:
                if names.count(name) > 1:
                    raise MessageError(name, "stands more than once")
    return via, from_, to, call_id, cseq


def _address(line: bytes, field: str) -> tuple[NameAddr | None, str | None]:
    """Check From or To; give its tag, "" for none, if nearly nothing else was to be read."""
    usual = _USUAL_ADDRESS.fullmatch(line)
    if usual is None:
        return parse_name_addr(_value(line), field), None
    return None, (usual[1] or b"").decode("ascii")


def _value(line: bytes) -> bytes:
    return line.partition(b":")[2].strip()


def _body(headers: Headers, fields: Fields, rest: bytes) -> bytes:
    """Return the body; without a Content-Length it is the rest, and the field is added.

    RFC: 3261 18.3. The field is added because the message may leave over a stream.
    """
    line = fields.get("Content-Length")
    if line is None:
        headers.add("Content-Length", b"%d" % len(rest))
        fields["Content-Length"] = headers.lines[-1]
        return rest
    length = _LENGTHS[line]
    if length > len(rest):
        raise MessageError("Content-Length", "is larger than the body")
    return rest[:length]


def _read_length(line: bytes) -> int:
    declared = _value(line)
    if not declared.isdigit() or len(declared) > 10:
        raise MessageError("Content-Length", "is not a number of at most 10 digits")
    return int(declared)


_LENGTHS = Memo(_read_length)


def _unfolded(head: bytes) -> list[bytes]:
    folded = b"\r\n " in head or b"\r\n\t" in head
    return (unfold(head) if folded else head).split(b"\r\n")


def _check_head(head: bytes, end: bytes) -> None:
    """Refuse controls outside quoted pairs, CR or LF alone (RFC 3261 25.1), no end, no bounds."""
    breaks = head.count(b"\r\n")
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks:
        raise MessageError("message", "has a CR or LF alone")
    if len(head.translate(None, _CONTROLS)) != len(head):
        bare = _QUOTED_PAIRS.sub(b"", head)
        if len(bare.translate(None, _CONTROLS)) != len(bare):
            raise MessageError("message", "has a control octet")
    if not end:
        raise MessageError("message", "header section has no end")
    if len(_unfolded(head)) > MAX_HEADER_LINES + 1:
        raise MessageError("message", "too many header lines", 513)


def _partial(head: bytes) -> Request | None:
    """Build what a 400 needs from lines that are safe to echo."""
    start, *lines = _unfolded(head)
    if start[:7].upper() == b"SIP/2.0" or start.startswith(b"ACK ") or b" " not in start:
        return None
    names: list[str] = []
    safe: list[bytes] = []
    for line in lines[:MAX_HEADER_LINES]:
        if b":" not in line or len(line.translate(None, _CONTROLS_AND_ENDS)) != len(line):
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
