"""The copy of a request that a proxy sends on (RFC 3261 16.6 steps 1 to 9)."""

from __future__ import annotations

__all__ = ["DEFAULT_BREADTH", "breadth_of", "estimated_size", "forwarded", "loop_mark"]

from collections.abc import Sequence

from sipapp.errors import MessageError
from sipapp.message.fields import parse_name_addr
from sipapp.message.headers import Headers
from sipapp.message.message import HOPS, Request
from sipapp.message.uri import SipUri
from sipapp.ua.signature import Signer

DEFAULT_BREADTH = 60
"""What a request without Max-Breadth may fork into (RFC 5393 5.3.3.2)."""

_MAX_FORWARDS = tuple(b"Max-Forwards: %d" % hops for hops in range(256))
_MAX_BREADTH = tuple(b"Max-Breadth: %d" % breadth for breadth in range(DEFAULT_BREADTH + 1))
_VIA_ROOM = 160  # octets our Via and Record-Route add, for the choice between UDP and TCP


def forwarded(
    request: Request,
    *,
    raw_uri: bytes,
    via: bytes,
    record_routes: Sequence[bytes],
    path: tuple[bytes, ...] = (),
    breadth: int = DEFAULT_BREADTH,
) -> Request:
    """Return the copy of ``request`` that goes to one target.

    Everything that is not named here is spliced through octet for octet.

    Args:
        request: its own Route entries were already taken away (16.4).
        raw_uri: the new Request-URI.
        via: our whole Via header line.
        record_routes: values put on top of Record-Route, in order.
        path: values put on top of Route.
        breadth: the Max-Breadth share of this branch, at least 1.
    """
    names = ["Via", *["Record-Route" for _ in record_routes], *request.headers.names]
    lines = [via, *[b"Record-Route: " + value for value in record_routes], *request.headers.lines]
    if "Max-Forwards" in names:
        at = names.index("Max-Forwards")
        lines[at] = _MAX_FORWARDS[HOPS[lines[at]] - 1]
    else:
        names.append("Max-Forwards")
        lines.append(_MAX_FORWARDS[70])
    if "Max-Breadth" in names:
        lines[names.index("Max-Breadth")] = _MAX_BREADTH[breadth]
    else:
        names.append("Max-Breadth")
        lines.append(_MAX_BREADTH[breadth])
    for value in reversed(path):
        at = names.index("Route") if "Route" in names else 1
        names.insert(at, "Route")
        lines.insert(at, b"Route: " + value)
    copy = Request(request.method, raw_uri, Headers(names, lines), request.body)
    copy._cseq = request._cseq
    return _for_strict_router(copy) if "Route" in names else copy


def _for_strict_router(request: Request) -> Request:
    """RFC 3261 16.6 step 6: a next hop without ``lr`` gets the old form of routing."""
    values = request.headers.elements("Route")
    first = parse_name_addr(values[0], "Route").uri
    if not isinstance(first, SipUri) or first.params.has("lr"):
        return request
    values = [*values[1:], b"<" + request.raw_uri + b">"]
    request.headers.remove("Route")
    for value in reversed(values):
        request.headers.names.insert(1, "Route")
        request.headers.lines.insert(1, b"Route: " + value)
    request.replace_uri(first)
    return request


def breadth_of(request: Request, most: int = DEFAULT_BREADTH) -> int:
    """Return how many branches ``request`` may still have at once (RFC 5393 5.3).

    Args:
        most: what it may have without the field, and at most with it; up to 60.
    Raises:
        MessageError: Max-Breadth is not a number (hint 400).
    """
    if "Max-Breadth" not in request.headers.names:
        return most
    raw = request.headers.get("Max-Breadth") or b""
    if not raw.isdigit() or len(raw) > 10:
        raise MessageError("Max-Breadth", "is not a number")
    return min(int(raw), most)


def estimated_size(request: Request) -> int:
    """Return about how long the forwarded message will be, in octets, never too little."""
    return len(b"\r\n".join(request.headers.lines)) + len(request.body) + _VIA_ROOM


def loop_mark(request: Request, signer: Signer) -> str:
    """Return what our branches of this request begin with, and a looped copy would carry.

    RFC: 3261 16.6 step 8, 5393 4.2.2: over everything that decides where the request goes. A
    request that comes back changed (a spiral) gives another mark. Whole lines are signed, for
    nobody respells them twice in a loop, and signed so that nobody else can make a request look
    looped.
    """
    headers = request.headers
    at, lines = headers.names.index, headers.lines
    identity = lines[at("Call-ID")], lines[at("CSeq")], lines[at("From")], lines[at("To")]
    parts = [request.raw_uri, *identity]
    if "Route" in headers.names:
        parts += headers.get_all("Route")
    return "z9hG4bK" + signer.sign(b"loop", b"\n".join(parts))
