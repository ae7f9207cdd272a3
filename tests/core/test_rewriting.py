"""The copy that is forwarded: whole header sections compared."""

from __future__ import annotations

import pytest

from sipapp.core.rewriting import breadth_of, estimated_size, forwarded, loop_mark
from sipapp.errors import MessageError
from sipapp.message.message import Request
from sipapp.message.parser import parse_message
from sipapp.ua.signature import Signer

VIA = b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKours"


def incoming(*extra: bytes, method: str = "INVITE", hops: bytes = b"70") -> Request:
    """A request as it comes in."""
    lines = [
        b"%b sip:b@example.test SIP/2.0" % method.encode(),
        b"v: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1",
        *([b"Max-Forwards: " + hops] if hops else []),
        b"From: <sip:a@example.test>;tag=1",
        b"To: <sip:b@example.test>",
        b"Call-ID: c1",
        b"CSeq: 1 %b" % method.encode(),
        *extra,
        b"Content-Length: 3",
        b"",
        b"xyz",
    ]
    message = parse_message(b"\r\n".join(lines))
    assert isinstance(message, Request)
    return message


def test_what_is_changed_and_what_is_not() -> None:
    """RFC 3261 16.6: our Via on top, one hop less, the rest octet for octet. [W02]"""
    copy = forwarded(
        incoming(b"X-Odd :  1 ;; "),
        raw_uri=b"sip:b@198.51.100.2",
        via=VIA,
        record_routes=[b"<sip:192.0.2.10;lr>"],
    )
    assert copy.to_bytes().split(b"\r\n") == [
        b"INVITE sip:b@198.51.100.2 SIP/2.0",
        VIA,
        b"Record-Route: <sip:192.0.2.10;lr>",
        b"v: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1",
        b"Max-Forwards: 69",
        b"From: <sip:a@example.test>;tag=1",
        b"To: <sip:b@example.test>",
        b"Call-ID: c1",
        b"CSeq: 1 INVITE",
        b"X-Odd :  1 ;; ",
        b"Content-Length: 3",
        b"Max-Breadth: 60",
        b"",
        b"xyz",
    ]


def test_missing_max_forwards_is_added_as_70() -> None:
    """RFC 3261 16.6 step 3."""
    copy = forwarded(incoming(hops=b""), raw_uri=b"sip:b@h", via=VIA, record_routes=[])
    assert copy.headers.get("Max-Forwards") == b"70"


def test_the_share_of_the_breadth_is_written() -> None:
    """RFC 5393 5.3.3.1."""
    copy = forwarded(
        incoming(b"Max-Breadth: 7"), raw_uri=b"sip:b@h", via=VIA, record_routes=[], breadth=3
    )
    assert copy.headers.get_all("Max-Breadth") == [b"3"]


def test_path_goes_in_front_of_route() -> None:
    """RFC 3327 5.4; the rest of a preloaded Route follows."""
    path = (b"<sip:edge1;lr>", b"<sip:edge2;lr>")
    copy = forwarded(
        incoming(b"Route: <sip:p9;lr>"), raw_uri=b"sip:b@h", via=VIA, record_routes=[], path=path
    )
    assert copy.headers.elements("Route") == [b"<sip:edge1;lr>", b"<sip:edge2;lr>", b"<sip:p9;lr>"]


def test_a_strict_router_gets_its_own_uri() -> None:
    """RFC 3261 16.6 step 6: the Request-URI goes to the end of Route."""
    copy = forwarded(
        incoming(b"Route: <sip:old.example.net>, <sip:p9;lr>"),
        raw_uri=b"sip:b@198.51.100.2",
        via=VIA,
        record_routes=[],
    )
    assert copy.raw_uri == b"sip:old.example.net"
    assert copy.headers.elements("Route") == [b"<sip:p9;lr>", b"<sip:b@198.51.100.2>"]


@pytest.mark.parametrize(
    ("line", "breadth"),
    [((), 60), ((b"Max-Breadth: 5",), 5), ((b"Max-Breadth: 999",), 60), ((b"Max-Breadth: 0",), 0)],
)
def test_breadth(line: tuple[bytes, ...], breadth: int) -> None:
    """RFC 5393 5.3.3.2: 60 without the field and at most."""
    assert breadth_of(incoming(*line)) == breadth


def test_breadth_that_is_no_number() -> None:
    """It is answered 400."""
    with pytest.raises(MessageError, match="Max-Breadth: is not a number"):
        breadth_of(incoming(b"Max-Breadth: many"))


def test_the_estimated_size_is_never_too_small() -> None:
    """RFC 3261 18.1.1: the choice between UDP and TCP must not err on the large side. [W07]"""
    request = incoming(b"X: " + b"y" * 900)
    copy = forwarded(
        request,
        raw_uri=b"sip:b@198.51.100.2",
        via=VIA,
        record_routes=[b"<sip:192.0.2.10:5060;lr;d=AAAAAAAAAAAA>"],
    )
    assert estimated_size(request) >= len(copy.to_bytes())


def test_the_loop_mark_tells_a_loop_from_a_spiral() -> None:
    """RFC 5393 4.2.2: equal where the decision would be equal, else different."""
    signer = Signer(b"k" * 32)
    request = incoming()
    looped = forwarded(request, raw_uri=request.raw_uri, via=VIA, record_routes=[])
    spiral = forwarded(request, raw_uri=b"sip:c@example.test", via=VIA, record_routes=[])
    routed = incoming(b"Route: <sip:p9;lr>")
    mark = loop_mark(request, signer)
    assert mark.startswith("z9hG4bK")
    assert loop_mark(looped, signer) == mark
    assert mark not in (loop_mark(spiral, signer), loop_mark(routed, signer))
    assert loop_mark(request, Signer(b"x" * 32)) != mark
