"""Where messages go: answers, next hops, listeners, names of our own."""

from __future__ import annotations

import pytest

from sipapp.errors import ConnectFailed, UsageError
from sipapp.message.message import Request
from sipapp.message.parser import parse_message
from sipapp.transport.flow import DeadFlow, Flow
from sipapp.transport.hop import Hop, Listener, default_port, host_port
from sipapp.transport.layer import LARGE
from sipapp.transport.limits import Limits
from tests.transport.stage import HERE, PEER, Stage, request

V6 = "2001:db8::10"
PEER6 = "2001:db8::1"


def reply(stage: Stage, data: bytes, flow: Flow) -> Flow:
    """Where the answer to a request goes."""
    message = parse_message(data)
    assert isinstance(message, Request)
    return stage.layer.reply_flow(message, flow)


def arrived(stage: Stage, via: str, source: tuple[str, int]) -> Flow:
    """Have a UDP request arrive; give where its answer goes."""
    stage.got.clear()
    flow = stage.udp(request(f"SIP/2.0/UDP {via};branch=z9hG4bK1"), source)
    return reply(stage, stage.got[0][0], flow)


# Answers


@pytest.mark.parametrize(
    ("via", "remote"),
    [
        (f"{PEER}:5060", (PEER, 5060)),
        (f"{PEER}:5070", (PEER, 5070)),
        (PEER, (PEER, 5060)),
        ("pc.example.com:5070", (PEER, 5070)),
        ("10.0.0.1", (PEER, 5060)),
        ("10.0.0.1:5070;received=10.6.6.6", (PEER, 5070)),
        (f"{PEER}:5060;rport", (PEER, 9988)),
        ("10.0.0.1;rport", (PEER, 9988)),
        ("10.0.0.1;rport;maddr=203.0.113.7", (("203.0.113.7"), 5060)),
        ("10.0.0.1:5070;maddr=203.0.113.7", (("203.0.113.7"), 5070)),
        ("10.0.0.1:5070;maddr=elsewhere.example.com", (PEER, 5070)),
    ],
)
def test_an_answer_by_udp_goes_where_the_via_says(via: str, remote: tuple[str, int]) -> None:
    """maddr, else rport, else the source address and the port of sent-by (18.2.2, 3581 4)."""
    stage = Stage()
    flow = arrived(stage, via, (PEER, 9988))
    flow.send(b"answer")
    assert stage.sent() == [("UDP", (HERE, 5060), remote, b"answer")]
    assert flow.remote == remote


@pytest.mark.parametrize(
    "via",
    [
        f"{PEER}:5060;maddr=255.255.255.255",
        f"{PEER}:5060;maddr=224.0.0.1",
        f"{PEER}:5060;maddr=0.0.0.0",
        f"{PEER}:5060;MADDR=240.0.0.1",
        f"{PEER}:5060;maddr=[ff02::1]",
        f"x.example.com:5060;maddr={HERE}",
        f"{PEER}:0",
    ],
)
def test_no_answer_goes_to_many_or_to_ourselves(via: str) -> None:
    """Broadcast, multicast, our own listener (RFC 4475 3.3.10)."""
    stage = Stage()
    flow = stage.watched(arrived(stage, via, (PEER, 9988)))
    assert isinstance(flow, DeadFlow)
    flow.send(b"answer")
    assert stage.sent() == []
    assert [type(error) for error in stage.lost] == [ConnectFailed]


def test_an_answer_to_our_own_port_needs_a_request_from_it() -> None:
    """A request to ourselves is answered; one that only says so is not."""
    stage = Stage()
    own = arrived(stage, f"{HERE}:5060", (HERE, 5060))
    assert own.remote == (HERE, 5060)
    assert not own.closed
    assert arrived(stage, f"{HERE}:5060", (HERE, 9988)).closed


def test_an_answer_leaves_by_the_socket_of_its_request() -> None:
    """For NATs (RFC 3581 4), also when another one is nearer."""
    stage = Stage(Listener("UDP", HERE, 5060), Listener("UDP", HERE, 5080))
    stage.udp(request(f"SIP/2.0/UDP {PEER}:7000;branch=z9hG4bK1"), (PEER, 9988), (HERE, 5080))
    reply(stage, *stage.got[0]).send(b"answer")
    assert stage.sent() == [("UDP", (HERE, 5080), (PEER, 7000), b"answer")]


def test_an_answer_by_tcp_goes_back_on_the_connection() -> None:
    """Whatever its Via says (18.2.2)."""
    stage = Stage()
    peer = stage.connect()
    data = request("SIP/2.0/TCP 10.0.0.1:7;branch=z9hG4bK1;maddr=224.0.0.1")
    peer.send(data)
    flow = stage.got[0][1]
    assert reply(stage, data, flow) is flow


@pytest.mark.parametrize(("sent_by", "port"), [("10.0.0.1:7070", 7070), ("pc.example.com", 5060)])
def test_an_answer_without_its_connection_opens_one(sent_by: str, port: int) -> None:
    """To the source address, port of sent-by (18.2.2)."""
    stage = Stage()
    peers = stage.accept((PEER, port))
    peer = stage.connect()
    peer.send(request(f"SIP/2.0/TCP {sent_by};branch=z9hG4bK1"))
    [(data, flow)] = stage.got
    peer.transport.abortConnection()
    stage.network.settle()
    reply(stage, data, flow).send(b"answer")
    stage.network.settle()
    assert [peer.octets for peer in peers] == [b"answer"]


# Next hops


def test_a_large_request_takes_tcp() -> None:
    """Over 1300 octets although the hop says UDP (18.1.1). [W07]"""
    stage = Stage()
    peers = stage.accept((PEER, 5060))
    hop = Hop("UDP", PEER, 5060)
    assert stage.layer.flow_to(hop, size=LARGE).transport == "UDP"
    large = stage.layer.flow_to(hop, size=LARGE + 1)
    assert (large.transport, large.remote) == ("TCP", (PEER, 5060))
    large.send(b"large")
    stage.network.settle()
    assert [peer.octets for peer in peers] == [b"large"]
    assert stage.layer.flow_to(hop, size=LARGE + 1) is large


def test_a_large_request_falls_back_to_udp() -> None:
    """When TCP is refused: the error is told, and the next question is answered UDP. [W07]"""
    stage = Stage(limits=Limits(refusal=60))
    hop = Hop("UDP", PEER, 5060)
    refused = stage.watched(stage.layer.flow_to(hop, size=5000))
    refused.send(b"large")
    stage.network.settle()
    assert [type(error) for error in stage.lost] == [ConnectFailed]
    assert stage.layer.flow_to(hop, size=5000).transport == "UDP"
    assert stage.layer.flow_to(Hop("TCP", PEER, 5060)).transport == "TCP"
    stage.network.settle()
    stage.clock.advance(61)
    assert stage.layer.flow_to(hop, size=5000).transport == "TCP"


def test_a_peer_that_accepts_and_resets_takes_no_tcp_either() -> None:
    """Else the request would be sent to it for ever (18.1.1 speaks of a reset). [W07]"""
    stage = Stage()
    peers = stage.accept((PEER, 5060))
    hop = Hop("UDP", PEER, 5060)
    stage.layer.flow_to(hop, size=5000).send(b"large")
    stage.network.settle()
    peers[0].transport.abortConnection()
    stage.network.settle()
    assert stage.layer.flow_to(hop, size=5000).transport == "UDP"
    assert len(peers) == 1


def test_a_large_request_stays_on_udp_where_we_have_no_tcp() -> None:
    """Fragments are better than nothing. [W07]"""
    stage = Stage(Listener("UDP", HERE, 5060))
    stage.layer.flow_to(Hop("UDP", PEER, 5060), size=5000).send(b"x" * 5000)
    assert stage.sent() == [("UDP", (HERE, 5060), (PEER, 5060), b"x" * 5000)]


@pytest.mark.parametrize(
    "hop",
    [
        Hop("UDP", "sip.example.com", 5060),
        Hop("UDP", "224.0.0.1", 5060),
        Hop("UDP", "255.255.255.255", 5060),
        Hop("UDP", "0.0.0.0", 5060),
        Hop("UDP", PEER, 0),
        Hop("UDP", PEER6, 5060),
        Hop("TCP", "sip.example.com", 5060),
        Hop("TCP", PEER6, 5060),
        Hop("TLS", PEER, 5061),
        Hop("SCTP", PEER, 5060),
    ],
)
def test_where_no_way_leads_the_flow_says_so(hop: Hop) -> None:
    """In a later turn; names are never looked up here."""
    stage = Stage()
    flow = stage.watched(stage.layer.flow_to(hop))
    assert (flow.closed, flow.transport) == (True, hop.transport)
    flow.send(b"x")
    assert stage.lost == []
    assert stage.sent() == []
    assert [type(error) for error in stage.lost] == [ConnectFailed]


# Listeners


BOTH_FAMILIES = (
    Listener("UDP", HERE, 5060),
    Listener("TCP", HERE, 5060),
    Listener("UDP", V6, 5060),
    Listener("TCP", V6, 5060),
)


@pytest.mark.parametrize(
    ("host", "source", "sent_by"),
    [
        (PEER, HERE, "192.0.2.10:5060"),
        (PEER6, V6, "[2001:db8::10]:5060"),
        ("2001:DB8:0:0::1", V6, "[2001:db8::10]:5060"),
        ("::ffff:198.51.100.1", HERE, "192.0.2.10:5060"),
    ],
)
@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_both_families_are_spoken(host: str, source: str, sent_by: str, transport: str) -> None:
    """Dual stack; an IPv4-mapped address is IPv4 (RFC 5118 4.9, RFC 5954). [T05]"""
    stage = Stage(*BOTH_FAMILIES, addresses=(HERE, V6))
    flow = stage.layer.flow_to(Hop(transport, host, 5060))
    assert (flow.local[0], flow.sent_by) == (source, sent_by)
    assert stage.layer.flow_to(Hop(transport, host, 5060)) is flow


def test_a_request_by_ipv6_is_stamped_and_answered() -> None:
    """received without brackets (RFC 5118 4.5). [T05]"""
    stage = Stage(*BOTH_FAMILIES, addresses=(HERE, V6))
    via = "SIP/2.0/UDP [2001:db8::99]:5060;branch=z9hG4bK1;rport"
    flow = stage.udp(request(via), (PEER6, 9988), (V6, 5060))
    stamped = f"SIP/2.0/UDP [2001:db8::99]:5060;branch=z9hG4bK1;rport=9988;received={PEER6}"
    [(data, _)] = stage.got
    assert data == request(stamped)
    assert reply(stage, data, flow) is flow


@pytest.mark.parametrize(
    ("remote", "source"), [("127.0.0.9", "127.0.0.1"), (PEER, HERE), ("10.1.1.1", HERE)]
)
def test_the_listener_on_the_right_interface_is_chosen(remote: str, source: str) -> None:
    """By what routing says, whatever the order of the listeners."""

    def source_for(remote: str) -> str:
        return "127.0.0.1" if remote.startswith("127.") else HERE

    stage = Stage(
        Listener("UDP", "127.0.0.1", 5060),
        Listener("UDP", HERE, 5060),
        addresses=(HERE, "127.0.0.1"),
    )
    stage.layer._network.source_for = source_for  # type: ignore[method-assign]
    assert stage.layer.flow_to(Hop("UDP", remote, 5060)).local == (source, 5060)


def test_a_wildcard_listener_says_the_address_it_sends_from() -> None:
    """Via needs an address to come back to (18.1.1)."""
    stage = Stage(Listener("UDP", "0.0.0.0", 5060), Listener("UDP", "::", 5060),
                  addresses=(HERE, V6))  # fmt: skip
    assert stage.layer.flow_to(Hop("UDP", PEER, 5060)).sent_by == "192.0.2.10:5060"
    assert stage.layer.flow_to(Hop("UDP", PEER6, 5060)).sent_by == "[2001:db8::10]:5060"
    assert stage.layer.is_local(HERE, 5060)
    assert stage.layer.is_local("127.0.0.1", 5060)
    assert stage.layer.is_local(V6, None)
    assert not stage.layer.is_local(PEER, 5060)
    assert not stage.layer.is_local(HERE, 5061)


def test_the_advertised_address_is_what_we_say() -> None:
    """In front of a NAT, or by name; responses with it are ours."""
    stage = Stage(
        Listener("UDP", HERE, 5060, ("SIP.example.com", 5070)), Listener("TCP", HERE, 5060)
    )
    flow = stage.layer.flow_to(Hop("UDP", PEER, 5060))
    assert flow.sent_by == "sip.example.com:5070"
    assert stage.layer.is_local("sip.example.com", 5070)
    assert stage.layer.is_local(HERE, None)
    assert not stage.layer.is_local("sip.example.com", None)


def test_listeners_have_real_ports() -> None:
    """Port 0 lets the system choose."""
    stage = Stage(Listener("UDP", HERE, 0))
    [listener] = stage.layer.listeners
    assert listener == Listener("UDP", HERE, 49152)
    assert stage.layer.is_local(HERE, 49152)


@pytest.mark.parametrize(
    "listener", [Listener("UDP", "sip.example.com", 5060), Listener("SCTP", HERE, 5060)]
)
def test_what_cannot_be_listened_on_is_refused(listener: Listener) -> None:
    """A name, or a transport that we do not have."""
    stage = Stage()
    with pytest.raises(UsageError):
        stage.layer.listen(listener)


@pytest.mark.parametrize(
    ("transport", "port"), [("UDP", 5060), ("TCP", 5060), ("TLS", 5061), ("WS", 80), ("WSS", 443)]
)
def test_default_ports(transport: str, port: int) -> None:
    """RFC 3261 18.1.1, RFC 7118 5."""
    assert default_port(transport) == port


def test_an_ipv6_host_is_written_in_brackets() -> None:
    """RFC 3261 25.1. [T05]"""
    assert [host_port("::1", 5060), host_port("a.example", 1)] == ["[::1]:5060", "a.example:1"]
