"""RFC 3263 and its kin, against a zone in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sipapp.errors import ResolveFailed
from sipapp.message.uri import SipUri, parse_uri
from sipapp.transport.dns import Srv
from sipapp.transport.hop import Hop
from sipapp.transport.preference import by_address, by_weight
from sipapp.transport.resolver import MOST_HOPS, Resolver
from sipapp.transport.zone import Zone

# RFC 3263 4.1, with addresses.
EXAMPLE = """
example.com 300 IN NAPTR 50 50 "s" "SIPS+D2T" "" _sips._tcp.example.com.
example.com 300 IN NAPTR 90 50 "s" "SIP+D2T" "" _sip._tcp.example.com.
example.com 300 IN NAPTR 100 50 "s" "SIP+D2U" "" _sip._udp.example.com.
_sips._tcp.example.com 300 IN SRV 0 1 5061 server1.example.com.
_sip._tcp.example.com 300 IN SRV 0 1 5060 server1.example.com.
_sip._tcp.example.com 300 IN SRV 1 1 5060 server2.example.com.
_sip._udp.example.com 300 IN SRV 0 1 5060 server2.example.com.
server1.example.com 300 IN A 192.0.2.1
server2.example.com 300 IN A 192.0.2.2
example.com 300 IN A 192.0.2.9
; a host without anything but addresses
plain.example.com 300 IN A 192.0.2.20
plain.example.com 300 IN AAAA 2001:db8::20
; no NAPTR
srv.example.com 300 IN A 192.0.2.99
_sip._tcp.srv.example.com 300 IN SRV 0 1 5070 server1.example.com.
_sip._udp.srv.example.com 300 IN SRV 0 1 5080 server2.example.com.
; the service is decidedly not offered
off.example.com 300 IN A 192.0.2.99
_sip._udp.off.example.com 300 IN SRV 0 0 0 .
; mail
plain.example.com 300 IN A 192.0.2.21
"""

CLEAR = ("UDP", "TCP")
ALL = ("UDP", "TCP", "TLS", "WS", "WSS")


def uri(text: str) -> SipUri:
    """A SIP URI."""
    parsed = parse_uri(text.encode())
    assert isinstance(parsed, SipUri)
    return parsed


class Bench:
    """A resolver over a zone; ``found`` and ``failed`` are what a search came to."""

    def __init__(self, text: str = EXAMPLE, uniform: Callable[[], float] = lambda: 0.0) -> None:
        self.clock = Clock()
        self.zone = Zone(self.clock, text)
        self.resolver = Resolver(self.zone, self.clock, uniform=uniform)
        self.failures: list[Exception] = []

    def start(self, text: str, **options: object) -> list[list[Hop]]:
        """Begin a search; the list gets its result."""
        results: list[list[Hop]] = []
        found: Deferred[list[Hop]] = self.resolver.locate(uri(text), **options)  # type: ignore[arg-type]
        found.addCallbacks(results.append, lambda failure: self.failures.append(failure.value))
        return results

    def locate(self, text: str, **options: object) -> list[tuple[str, str, int]]:
        """Search where no answer takes time."""
        [hops] = self.start(text, **options)
        return [(hop.transport, hop.host, hop.port) for hop in hops]


# Which transport, which port (3263 4.1, 4.2)


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("sip:192.0.2.7", ("UDP", "192.0.2.7", 5060)),
        ("sip:192.0.2.7:5070", ("UDP", "192.0.2.7", 5070)),
        ("sip:192.0.2.7;transport=tcp", ("TCP", "192.0.2.7", 5060)),
        ("sip:192.0.2.7;transport=TCP", ("TCP", "192.0.2.7", 5060)),
        ("sip:192.0.2.7;transport=tls", ("TLS", "192.0.2.7", 5061)),
        ("sips:192.0.2.7", ("TLS", "192.0.2.7", 5061)),
        ("sips:192.0.2.7;transport=tcp", ("TLS", "192.0.2.7", 5061)),
        ("sips:192.0.2.7;transport=ws", ("WSS", "192.0.2.7", 443)),
        ("sip:[2001:db8::7]:5080", ("UDP", "2001:db8::7", 5080)),
        ("sip:[2001:db8:::192.0.2.1]", ("UDP", "2001:db8::c000:201", 5060)),
        ("sip:[::ffff:192.0.2.7]", ("UDP", "192.0.2.7", 5060)),
        ("sip:example.com;maddr=192.0.2.7", ("UDP", "192.0.2.7", 5060)),
    ],
)
def test_a_numeric_host_needs_no_dns(text: str, hop: tuple[str, str, int]) -> None:
    """Transport parameter, else UDP for sip and TLS for sips. [T04] [T05]"""
    bench = Bench()
    assert bench.locate(text, transports=ALL) == [hop]
    assert bench.resolver.literal(uri(text), transports=ALL) == [Hop(*hop)]
    assert bench.zone.asked == []


@pytest.mark.parametrize(
    ("text", "transports"),
    [
        ("sips:192.0.2.7;transport=udp", ALL),
        ("sip:192.0.2.7;transport=sctp", ALL),
        ("sips:192.0.2.7", CLEAR),
        ("sips:example.com:5061", CLEAR),
        ("sip:example.com;transport=tls", CLEAR),
        ("sip:nowhere.example.com", CLEAR),
        ("sip:off.example.com;transport=udp", CLEAR),
    ],
)
def test_where_no_way_leads_locating_fails(text: str, transports: tuple[str, ...]) -> None:
    """A sips URI never leaves in clear; a target of "." means no (RFC 2782)."""
    bench = Bench()
    assert bench.start(text, transports=transports) == []
    [error] = bench.failures
    assert isinstance(error, ResolveFailed)


@pytest.mark.parametrize(
    ("text", "hops", "asked"),
    [
        (
            "sip:plain.example.com:5070",
            [("UDP", "2001:db8::20", 5070), ("UDP", "192.0.2.20", 5070),
             ("UDP", "192.0.2.21", 5070)],
            [("A", "plain.example.com"), ("AAAA", "plain.example.com")],
        ),
        (
            "sip:plain.example.com:5070;transport=tcp",
            [("TCP", "2001:db8::20", 5070), ("TCP", "192.0.2.20", 5070),
             ("TCP", "192.0.2.21", 5070)],
            [("A", "plain.example.com"), ("AAAA", "plain.example.com")],
        ),
        (
            "sip:srv.example.com;transport=tcp",
            [("TCP", "192.0.2.1", 5070)],
            [("SRV", "_sip._tcp.srv.example.com"), ("A", "server1.example.com"),
             ("AAAA", "server1.example.com")],
        ),
        (
            "sip:example.com",
            [("TCP", "192.0.2.1", 5060), ("TCP", "192.0.2.2", 5060)],
            [("NAPTR", "example.com"), ("SRV", "_sip._tcp.example.com"),
             ("A", "server1.example.com"), ("AAAA", "server1.example.com"),
             ("A", "server2.example.com"), ("AAAA", "server2.example.com")],
        ),
        (
            "sip:srv.example.com",
            [("TCP", "192.0.2.1", 5070), ("UDP", "192.0.2.2", 5080)],
            [("NAPTR", "srv.example.com"), ("SRV", "_sip._tcp.srv.example.com"),
             ("SRV", "_sip._udp.srv.example.com"), ("A", "server1.example.com"),
             ("AAAA", "server1.example.com"), ("A", "server2.example.com"),
             ("AAAA", "server2.example.com")],
        ),
        (
            "sip:plain.example.com",
            [("UDP", "2001:db8::20", 5060), ("UDP", "192.0.2.20", 5060),
             ("UDP", "192.0.2.21", 5060)],
            [("NAPTR", "plain.example.com"), ("SRV", "_sip._tcp.plain.example.com"),
             ("SRV", "_sip._udp.plain.example.com"), ("A", "plain.example.com"),
             ("AAAA", "plain.example.com")],
        ),
    ],
)  # fmt: skip
def test_each_step_is_taken_only_if_the_one_before_gave_nothing(
    text: str, hops: list[tuple[str, str, int]], asked: list[tuple[str, str]]
) -> None:
    """A port means addresses; a transport means SRV; else NAPTR, SRV, addresses. [T04]

    All questions are listed: MX is never among them [E03], AAAA always is. [T05]
    """
    bench = Bench()
    assert bench.locate(text, transports=CLEAR) == hops
    assert bench.zone.asked == asked


def test_tls_is_preferred_where_the_domain_prefers_it() -> None:
    """sip keeps SIPS services if we have TLS (3263 4.1); the hop knows the name to prove."""
    bench = Bench()
    [hops] = bench.start("sip:example.com", transports=ALL)
    assert hops == [Hop("TLS", "192.0.2.1", 5061, "example.com")]


def test_sips_takes_nothing_but_sips_services() -> None:
    """3263 4.1: others MUST be discarded."""
    bench = Bench()
    assert bench.locate("sips:example.com", transports=ALL) == [("TLS", "192.0.2.1", 5061)]
    assert bench.zone.asked[1] == ("SRV", "_sips._tcp.example.com")


def test_a_replacement_may_be_in_another_domain() -> None:
    """3263 4.1. Records that we cannot use count as none."""
    bench = Bench(
        """
        a.example 60 IN NAPTR 10 10 "s" "SIP+D2S" "" _sip._sctp.a.example.
        a.example 60 IN NAPTR 20 10 "u" "E2U+sip" "!^.*$!sip:x@a.example!" .
        a.example 60 IN NAPTR 30 10 "s" "SIP+D2U" "" _sip._udp.b.example.
        _sip._udp.b.example 60 IN SRV 0 0 5062 host.c.example.
        host.c.example 60 IN A 192.0.2.33
        """
    )
    assert bench.locate("sip:a.example") == [("UDP", "192.0.2.33", 5062)]


def test_a_service_without_servers_leads_to_the_next_one() -> None:
    """Broken zones are common; NAPTR of a higher order is better than nothing."""
    bench = Bench()
    bench.zone.remove("SRV", "_sip._tcp.example.com")
    assert bench.locate("sip:example.com") == [("UDP", "192.0.2.2", 5060)]


def test_an_outbound_proxy_is_located_instead() -> None:
    """The configured next hop wins. [T04]"""
    bench = Bench()
    outbound = uri("sip:192.0.2.200;transport=tcp")
    assert bench.locate("sip:example.com", outbound=outbound) == [("TCP", "192.0.2.200", 5060)]
    assert bench.zone.asked == []


# Order


def srv(priority: int, weight: int, target: str) -> Srv:
    """A record of port 5060."""
    return Srv(priority, weight, 5060, target)


@pytest.mark.parametrize(
    ("draws", "expected"),
    [([0, 0, 0], "zabcy"), ([0.99, 0.99, 0.99], "zcbay"), ([0.5, 0, 0], "zbacy")],
)
def test_servers_are_drawn_by_weight(draws: list[float], expected: str) -> None:
    """By priority, then by chance with weight; weight 0 has a small one (RFC 2782)."""
    records = [srv(10, 60, "b"), srv(10, 0, "a"), srv(20, 0, "y"), srv(10, 20, "c"), srv(5, 1, "z")]
    numbers = iter([0, *draws, 0])
    ordered = by_weight(records, lambda: next(numbers))
    assert "".join(record.target for record in ordered) == expected


def test_weights_are_chances() -> None:
    """60 to 20 to 10 among equals: of 90 evenly spread numbers, as many each, and a few more."""
    records = [srv(0, 60, "a"), srv(0, 20, "b"), srv(0, 10, "c")]
    first: dict[str, int] = {}
    for number in range(91):
        draws = iter([(number + 0.5) / 91, 0.0, 0.0])
        chosen = by_weight(records, lambda: next(draws))[0].target  # noqa: B023
        first[chosen] = first.get(chosen, 0) + 1
    assert first == {"a": 61, "b": 20, "c": 10}


def test_a_stateless_element_orders_in_the_same_way_each_time() -> None:
    """3263 4.4: no chance, so that a retransmission goes to the same server."""
    records = [srv(0, 1, "b"), srv(0, 1, "a"), srv(0, 7, "c")]
    assert [record.target for record in by_weight(records, None)] == ["c", "a", "b"]


def test_addresses_are_ordered_by_policy_and_not_shuffled() -> None:
    """RFC 6724 2.1: native IPv6, IPv4, 6to4, Teredo, unique local; else the order of DNS."""
    given = ["192.0.2.2", "fc00::1", "2002::1", "192.0.2.1", "2001:db8::2", "2001:0::1",
             "2001:db8::1"]  # fmt: skip
    assert by_address(given) == [
        "2001:db8::2", "2001:db8::1", "192.0.2.2", "192.0.2.1", "2002::1", "2001:0::1", "fc00::1",
    ]  # fmt: skip


def test_addresses_of_different_servers_are_never_mixed() -> None:
    """The example of RFC 7984 4. [T05]"""
    first = ["2001:0db8:58:c02::face", "2001:0db8:c:a06::2:cafe", "192.0.2.45", "203.0.113.109"]
    second = ["2001:0db8:58:c02::dead", "192.0.2.75"]
    lines = [
        "_sip._tcp.example.com 300 IN SRV 10 1 5060 sip-1.example.com.",
        "_sip._tcp.example.com 300 IN SRV 20 1 5060 sip-2.example.com.",
    ]
    for name, addresses in (("sip-1", first), ("sip-2", second)):
        lines += [
            f"{name}.example.com 300 IN {'AAAA' if ':' in address else 'A'} {address}"
            for address in addresses
        ]
    bench = Bench("\n".join(lines))
    found = [host for _, host, _ in bench.locate("sip:example.com;transport=tcp")]
    assert found == first + second


def test_a_server_that_failed_is_tried_last() -> None:
    """Until its Retry-After has passed (3263 4.3)."""
    bench = Bench()
    bench.resolver.avoid(Hop("TCP", "192.0.2.1", 5060), 30)
    both = [("TCP", "192.0.2.1", 5060), ("TCP", "192.0.2.2", 5060)]
    assert bench.locate("sip:example.com") == both[::-1]
    bench.clock.advance(30)
    assert bench.locate("sip:example.com") == both


# Time and memory


def test_answers_are_remembered_for_their_ttl() -> None:
    """Not longer, and "no such name" for that of RFC 2308."""
    bench = Bench()
    bench.locate("sip:plain.example.com")
    asked = list(bench.zone.asked)
    bench.clock.advance(29)
    bench.locate("sip:plain.example.com")
    assert bench.zone.asked == asked
    bench.clock.advance(1)
    bench.locate("sip:plain.example.com")
    assert bench.zone.asked[len(asked) :] == asked[:3]
    bench.clock.advance(270)
    bench.locate("sip:plain.example.com")
    assert bench.zone.asked[len(asked) + 3 :] == asked


def test_many_who_want_to_know_ask_once() -> None:
    """And one who gives up does not take the answer from the others."""
    bench = Bench()
    bench.zone.delays["plain.example.com"] = 1.0
    given_up = bench.resolver.locate(uri("sip:plain.example.com:5060"))
    given_up.addErrback(lambda _: None)
    waiting = [bench.start("sip:plain.example.com:5060") for _ in range(50)]
    given_up.cancel()
    bench.clock.advance(1)
    assert bench.zone.asked == [("A", "plain.example.com"), ("AAAA", "plain.example.com")]
    assert [len(results[0]) for results in waiting] == [3] * 50
    assert bench.clock.getDelayedCalls() == []


def test_a_silent_name_holds_up_nobody_else() -> None:
    """2 s a question, 5 s a URI; meanwhile others are located."""
    bench = Bench()
    bench.zone.silent |= {
        "dark.example.com", "_sip._udp.dark.example.com", "_sip._tcp.dark.example.com",
    }  # fmt: skip
    bench.start("sip:dark.example.com")
    assert bench.locate("sip:example.com")[0] == ("TCP", "192.0.2.1", 5060)
    bench.clock.pump([0.5] * 9)
    assert bench.failures == []
    bench.clock.pump([0.5])
    assert [str(error) for error in bench.failures] == ["no way to dark.example.com is known"]
    bench.clock.advance(1)
    assert bench.clock.getDelayedCalls() == []
    bench.start("sip:dark.example.com")
    assert len(bench.failures) == 2  # not asked again for 5 s


def test_a_slow_step_leaves_time_for_the_next() -> None:
    """Servers that do not know NAPTR often do not answer it at all."""
    bench = Bench()
    bench.zone.silent.add("srv.example.com")
    results = bench.start("sip:srv.example.com")
    bench.clock.advance(2)
    assert [(hop.transport, hop.host) for hop in results[0]] == [
        ("TCP", "192.0.2.1"), ("UDP", "192.0.2.2"),
    ]  # fmt: skip


def test_a_server_failure_is_no_answer() -> None:
    """SERVFAIL for one family still leaves the other; for all, the search fails."""
    bench = Bench()
    bench.zone.failing.add("plain.example.com")
    assert bench.start("sip:plain.example.com:5060") == []
    assert len(bench.failures) == 1


def test_an_answer_cannot_be_made_to_bring_too_much() -> None:
    """Targets, places and names remembered are bounded."""
    lines = [f"_sip._udp.big.example 60 IN SRV 0 1 {n} t{n}.example." for n in range(1, 200)]
    lines += [f"t{n}.example 60 IN A 192.0.2.{m}" for n in range(1, 200) for m in range(1, 20)]
    bench = Bench("\n".join(lines))
    assert len(bench.locate("sip:big.example;transport=udp")) == MOST_HOPS
    assert len(bench.zone.asked) == 1 + 2 * 16
    for n in range(3000):
        bench.start(f"sip:n{n}.example:5060")
    assert len(bench.resolver._lookups.addresses[0]._known) == 1024
    assert len(bench.failures) == 3000


def test_a_list_of_hops_belongs_to_who_asked() -> None:
    """Taking the first hop off it must not take it from the next one who asks."""
    resolver = Bench().resolver
    expected = [Hop("UDP", "192.0.2.7", 5060)]
    for _ in range(2):
        hops = resolver.literal(uri("sip:192.0.2.7"))
        assert hops == expected
        hops.clear()
