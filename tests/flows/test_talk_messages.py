"""The messages printed on the slides of the talk, read and written back.

Lines that typesetting broke are joined here, and line ends are CRLF: only then are the printed
lengths of 151, 147 and 284 octets right.
"""

from __future__ import annotations

import pytest

from sipapp.app.testing import Lab
from sipapp.message.message import Request, Response
from sipapp.message.parser import MalformedMessage, parse_message
from sipapp.message.uri import SipUri


def wire(text: str) -> bytes:
    """A message as on the wire."""
    return text.lstrip("\n").replace("\n", "\r\n").encode()


INVITE = wire("""
INVITE sip:bob@biloxi.example.com SIP/2.0
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74b43
Max-Forwards: 70
Route: <sip:ssl.atlanta.example.com;lr>
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76s1
To: Bob <sip:bob@biloxi.example.com>
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 1 INVITE
Contact: <sip:alice@client.atlanta.example.com;transport=tcp>
Content-Type: application/sdp
Content-Length: 151

v=0
o=alice 2890844526 2890844526 IN IP4 client.atlanta.example.com
s=-
c=IN IP4 192.0.2.101
t=0 0
m=audio 49172 RTP/AVP 0
a=rtpmap:0 PCMU/8000
""")

TRYING = wire("""
SIP/2.0 100 Trying
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;received=192.0.2.101
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76s1
To: Bob <sip:bob@biloxi.example.com>
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 2 INVITE
Content-Length: 0

""")

RINGING = wire("""
SIP/2.0 180 Ringing
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;received=192.0.2.101
Record-Route: <sip:ss2.biloxi.example.com;lr>,<sip:ss1.atlanta.example.com;lr>
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76s1
To: Bob <sip:bob@biloxi.example.com>;tag=314159
Call-ID: 3848276298220188511@atlanta.example.com
Contact: <sip:bob@client.biloxi.example.com;transport=tcp>
CSeq: 2 INVITE
Content-Length: 0

""")

OK = wire("""
SIP/2.0 200 OK
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;received=192.0.2.101
Record-Route: <sip:ss2.biloxi.example.com;lr>,<sip:ss1.atlanta.example.com;lr>
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76s1
To: Bob <sip:bob@biloxi.example.com>;tag=314159
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 2 INVITE
Contact: <sip:bob@client.biloxi.example.com;transport=tcp>
Content-Type: application/sdp
Content-Length: 147

v=0
o=bob 2890844527 2890844527 IN IP4 client.biloxi.example.com
s=-
c=IN IP4 192.0.2.201
t=0 0
m=audio 3456 RTP/AVP 0
a=rtpmap:0 PCMU/8000
""")

ACK = wire("""
ACK sip:bob@client.biloxi.example.com SIP/2.0
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74b76
Max-Forwards: 70
Route: <sip:ss1.atlanta.example.com;lr>,
       <sip:ss2.biloxi.example.com;lr>
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76s1
To: Bob <sip:bob@biloxi.example.com>;tag=314159
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 2 ACK
Content-Length: 0

""")

MIMICRY = wire("""
INVITE sip:+16305551212@gl07b.example.com SIP/2.0
Session-Expires: 1800
Min-SE: 300
Allow-Events: calling-name,presence,reg
Allow: INVITE,ACK,CANCEL,BYE,OPTIONS,INFO,REGISTER,UPDATE,NOTIFY ,SUBSCRIBE ,MESSAGE ,REFER,PUBLISH
User-Agent: tstsip, version feat442.pl
Supported: HistInfo,path,timer
Expires: 600000
Contact: <sip:alice@10.111.64.160:5099>;q=0.5
Max-Forwards: 55
Via: SIP/2.0/UDP 10.111.64.160:5099;branch=z9hG4bK-12911-0-478
CSeq: 477 INVITE
To: Called Test 13 <sip:+16305551212@gl07b.example.com>
From: Alice W<sip:+alice@gl07b.example.com>;tag=Orig-475
Call-id: Default_Label-12911-1254978872-0000012,@0
v: SIP/2.0/UDP 10.111.64.100:5060;branch=z9hG4bK-otag-991
Route: <sip:pcgw-stdn.imsgrupp.gl07b.example.com:5062;lr;bidx=0>
Route: <sip:scsf.imsgrupp.example.com:5060;lr;ottag=ue>
Content-Type: application/SDP
Content-Length: 284

v=0
o=tstsipUser12 12911 476 IN IP4 9.0.0.12
s=tstsip offer Default_Label
c=IN IP4 9.0.0.12
t=0 0
m=audio 10000 RTP/AVP 0 8 101
b=AS:64
a=rtpmap:0 PCMU/8000/1
a=rtpmap:8 PCMA/8000/1
a=rtpmap:101 telephone-event/8000/1
a=fmtp:101 0-15
a=sendrecv
a=silenceSupp:off - - - -
""")


@pytest.mark.parametrize("octets", [INVITE, TRYING, RINGING, OK, MIMICRY])
def test_they_are_read_and_written_back(octets: bytes) -> None:
    """Octet for octet [W01] [W05] [M02]."""
    assert parse_message(octets).to_bytes() == octets


def test_the_folded_ack_is_written_on_one_line() -> None:
    """RFC 3261 7.3.1: the same message, and its route set [W01] [W03] [W04]."""
    ack = parse_message(ACK)
    assert isinstance(ack, Request)
    assert [str(route.uri) for route in ack.routes] == [
        "sip:ss1.atlanta.example.com;lr",
        "sip:ss2.biloxi.example.com;lr",
    ]
    assert ack.to_bytes() == ACK.replace(b",\r\n       <", b", <")


@pytest.mark.parametrize(("octets", "length"), [(INVITE, 151), (OK, 147), (MIMICRY, 284)])
def test_printed_lengths_are_right(octets: bytes, length: int) -> None:
    """With CRLF, the last line included; one octet less is a broken message [W05]."""
    assert len(parse_message(octets).body) == length
    with pytest.raises(MalformedMessage):
        parse_message(octets[:-1])


def test_the_replies_are_not_to_the_invite() -> None:
    """RFC 3261 17.1.3: another branch and another CSeq, so no client takes them [E04] [E11]."""
    invite, trying = parse_message(INVITE), parse_message(TRYING)
    assert (invite.top_via.branch, invite.cseq.number) == ("z9hG4bK74b43", 1)
    assert (trying.top_via.branch, trying.cseq.number) == ("z9hG4bK74bf9", 2)
    assert trying.to_tag is None


def test_a_letter_for_a_digit_makes_two_hosts() -> None:
    """RFC 3261 19.1.4: ssl and ss1 are compared like any other names [E05]."""
    invite, ack = parse_message(INVITE), parse_message(ACK)
    assert isinstance(invite, Request)
    assert isinstance(ack, Request)
    one, other = invite.routes[0].uri, ack.routes[0].uri
    assert isinstance(one, SipUri)
    assert isinstance(other, SipUri)
    assert (one.host, other.host) == ("ssl.atlanta.example.com", "ss1.atlanta.example.com")
    assert not one.matches(other)


def test_the_ack_on_the_slide_lost_a_parameter() -> None:
    """RFC 3261 12.2.1.1: the remote target is the whole Contact; the slide's is not [E07] [E08]."""
    answer, ack = parse_message(OK), parse_message(ACK)
    assert isinstance(answer, Response)
    assert isinstance(ack, Request)
    with Lab() as lab:
        invite = lab.phone("alice").build("INVITE", "sip:bob@biloxi.example.com")
        dialog = lab.phone("carol").caller_dialog(invite, answer)
    assert dialog.target == b"sip:bob@client.biloxi.example.com;transport=tcp"
    assert ack.raw_uri == b"sip:bob@client.biloxi.example.com"
    assert dialog.routes == ack.headers.elements("Route")


@pytest.mark.parametrize(
    ("octets", "at"),
    [
        (TRYING, b";received="),
        (RINGING, b"<sip:ss1"),
        (MIMICRY, b",NOTIFY"),
    ],
)
def test_broken_lines_are_not_folded_lines(octets: bytes, at: bytes) -> None:
    """RFC 3261 7.3.1: a continuation begins with a blank; the printed ones do not [E10]."""
    assert octets.count(at) >= 1
    with pytest.raises(MalformedMessage):
        parse_message(octets.replace(at, b"\r\n" + at, 1))


@pytest.mark.parametrize("spoiled", [b"Conta ct", b"Vi a"])
def test_spoiled_names_are_refused(spoiled: bytes) -> None:
    """The attacked message of the last slide has blanks inside of names [E14]."""
    name = spoiled.replace(b" ", b"")
    with pytest.raises(MalformedMessage):
        parse_message(MIMICRY.replace(b"\r\n" + name + b":", b"\r\n" + spoiled + b":", 1))


def test_the_mimicry_invite() -> None:
    """One ordered list of Via, commas where none belong, no blank before < [E14] [W02] [W06]."""
    invite = parse_message(MIMICRY)
    assert isinstance(invite, Request)
    assert [via.host for via in invite.vias] == ["10.111.64.160", "10.111.64.100"]
    assert invite.call_id == "Default_Label-12911-1254978872-0000012,@0"
    assert invite.from_.display_name == "Alice W"
    assert invite.headers.get("User-Agent") == b"tstsip, version feat442.pl"
    assert invite.headers.get("Content-Type") == b"application/SDP"
    assert [str(route.uri) for route in invite.routes] == [
        "sip:pcgw-stdn.imsgrupp.gl07b.example.com:5062;lr;bidx=0",
        "sip:scsf.imsgrupp.example.com:5060;lr;ottag=ue",
    ]
    assert len(invite.headers.elements("Allow")) == 13


@pytest.mark.parametrize(
    "text", ["sip:vijay.gurbani@nokia.com:5067", "sip:vijay.gurbani:passwd@nokia.com"]
)
def test_addresses_of_the_talk_are_called(text: str) -> None:
    """RFC 3261 19.1.1: forwarded as they were, password and port included [T03] [E15]."""
    with Lab(outbound_proxy="sip:203.0.113.5") as lab:
        edge, alice = lab.phone("edge", host="203.0.113.5"), lab.phone("alice")
        alice.request("MESSAGE", text)
        lab.advance()
        assert edge.take_request("MESSAGE").raw_uri == text.encode()
