"""The ACK and the CANCEL that a client transaction makes up, octet for octet."""

from __future__ import annotations

from sipapp.message.message import response_to
from sipapp.transaction.hop_requests import ack_for, cancel_for
from tests.transaction.stage import as_request

INVITE = as_request(
    b"INVITE sip:bob@192.0.2.4;transport=udp SIP/2.0\r\n"
    b'Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKtop;ext="\xc3\xbc", '
    b"SIP/2.0/UDP client.example.com;branch=z9hG4bKbelow\r\n"
    b"Via: SIP/2.0/UDP inner.example.com;branch=z9hG4bKlast\r\n"
    b"Route: <sip:edge.example.com;lr>\r\n"
    b"Route: <sip:core.example.com;lr>\r\n"
    b"Record-Route: <sip:proxy.example.com;lr>\r\n"
    b"Max-Forwards: 69\r\n"
    b"t: Bob <sip:bob@example.com>\r\n"
    b"f: Alice <sip:alice@example.com>;tag=a7\r\n"
    b"i: call-1\r\n"
    b"CSeq: 4711 INVITE\r\n"
    b"Contact: <sip:alice@client.example.com>\r\n"
    b"Require: 100rel\r\n"
    b"Proxy-Require: sec-agree\r\n"
    b"Content-Type: text/plain\r\n"
    b"Content-Length: 2\r\n\r\nhi"
)

HEAD = (
    b'Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKtop;ext="\xc3\xbc"\r\n'
    b"Route: <sip:edge.example.com;lr>\r\n"
    b"Route: <sip:core.example.com;lr>\r\n"
    b"Max-Forwards: 69\r\n"
    b"f: Alice <sip:alice@example.com>;tag=a7\r\n"
    b"i: call-1\r\n"
)


def test_ack_of_a_failure() -> None:
    """RFC 3261 17.1.1.3: one Via, the Route, To with the tag of the response. [M05][E06]"""
    response = response_to(INVITE, 486, to_tag="b1")
    assert ack_for(INVITE, response).to_bytes() == (
        b"ACK sip:bob@192.0.2.4;transport=udp SIP/2.0\r\n"
        + HEAD
        + b"To: Bob <sip:bob@example.com>;tag=b1\r\n"
        b"CSeq: 4711 ACK\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_cancel() -> None:
    """RFC 3261 9.1: To of the request, no Require, no Proxy-Require, no body. [M05]"""
    assert cancel_for(INVITE).to_bytes() == (
        b"CANCEL sip:bob@192.0.2.4;transport=udp SIP/2.0\r\n"
        + HEAD
        + b"To: Bob <sip:bob@example.com>\r\n"
        b"CSeq: 4711 CANCEL\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
