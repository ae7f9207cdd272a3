"""What one message costs between socket and transaction: ``make bench``.

Prints microseconds per call on this machine, the best of several runs; compare two versions in the
same minute only. The INVITE is of ordinary size, with a session description.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

from sipapp.message.message import Request, response_to
from sipapp.message.parser import parse_message

BODY = (
    b"v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\n"
    b"t=0 0\r\nm=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK74bf9;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b"From: Alice <sip:alice@example.com>;tag=9fxced76sl\r\n"
    b"To: Bob <sip:bob@example.com>\r\n"
    b"Call-ID: 3848276298220188511@192.0.2.4\r\n"
    b"CSeq: 2 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.4;transport=udp>\r\n"
    b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY\r\n"
    b"User-Agent: phone 1.0\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)

VIA = b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"


def read() -> Request:
    """What every message goes through."""
    request = parse_message(INVITE)
    assert isinstance(request, Request)
    return request


def forward() -> bytes:
    """What a proxy adds at the least."""
    request = read().copy()
    request.headers.insert("Via", VIA)
    request.headers.set("Max-Forwards", b"69")
    return request.to_bytes()


def refuse() -> bytes:
    """A request answered without looking further."""
    return response_to(read(), 486, to_tag="314159").to_bytes()


def microseconds(action: Callable[[], object]) -> float:
    """The time of one call: the best of seven runs, each of about a tenth of a second."""
    timer = timeit.Timer(action)
    number, taken = timer.autorange()
    number = max(1, int(number * 0.1 / taken))
    return min(timer.repeat(7, number)) / number * 1e6


if __name__ == "__main__":
    print(f"an INVITE of {len(INVITE)} bytes, microseconds each")
    for benchmark in (read, forward, refuse):
        print(f"{benchmark.__name__:8} {microseconds(benchmark):6.1f}")
