"""The ``proxy`` column, row by row: each message goes through a whole server that forwards it.

By datagram and on a stream. ``2543`` in the column is a way to forward: without a usable branch
a transaction is found by the rules of RFC 2543. The ``stream`` column is tried on the framing in
tests/message/test_stream.py, here on the server. The ``registrar`` and ``uas`` columns are in
test_endpoint_rows.py; facts of the ``must`` column follow below, those about bindings there.
"""

from __future__ import annotations

import pytest

from sipapp.message.message import Request
from sipapp.message.parser import parse_message
from tests.torture.rows import ROWS, Row, each_row, unfolded
from tests.torture.scene import tortured

OURS = {b"Via", b"Max-Forwards", b"Max-Breadth", b"Record-Route", b"Route", b"Content-Length"}
BY_NAME = {row.file.removesuffix(".dat"): row for row in ROWS}


@each_row()
def test_by_datagram(row: Row) -> None:
    """RFC 4475, 5118: forwarded, refused or dropped as the table allows [R04] [T05] [W05]."""
    with tortured(row) as scene:
        allowed = row.proxy | ({"forward"} if "2543" in row.proxy else set())
        assert scene.outcome in allowed
        assert scene.lab.server.transport.counters.failures == 0


@each_row(lambda row: row.stream in ("frame", "two-messages", "trailing-junk"))
def test_on_a_stream(row: Row) -> None:
    """The same outcomes where the message can be cut out of the stream [T01] [W05]."""
    with tortured(row, transport="TCP") as scene:
        allowed = row.proxy | ({"forward"} if "2543" in row.proxy else set())
        assert scene.outcome in allowed
        expected = 2 if row.stream == "two-messages" else 1
        assert len(scene.forwarded) in (0, expected)
        if row.stream == "trailing-junk":  # it begins the next message, and never ends
            scene.lab.advance(40)
            assert scene.closed


@each_row(lambda row: row.stream == "400-then-close")
def test_framing_that_is_lost(row: Row) -> None:
    """RFC 3261 18.3: answered if it can be, and the connection is closed [W05]."""
    with tortured(row, transport="TCP") as scene:
        scene.lab.advance(4)
        assert (scene.outcome, scene.closed) == ("400", True)


@each_row(lambda row: row.stream == "wait-then-close")
def test_a_message_that_never_ends(row: Row) -> None:
    """RFC 3261 18.3: the rest may still come; who keeps us waiting is cut off [W05]."""
    with tortured(row, transport="TCP") as scene:
        assert (scene.answers, scene.closed) == ([], False)
        scene.lab.advance(40)
        assert (scene.forwarded, scene.closed) == ([], True)


@each_row(lambda row: row.parser == "ok" and row.proxy == {"forward"})
def test_what_is_forwarded_is_what_came(row: Row) -> None:
    """RFC 3261 16.6: but for the fields a proxy must touch, line for line and octet for octet."""
    with tortured(row) as scene:
        assert len(scene.forwarded) == 1
        came, rest = unfolded(row.octets)
        went, body = unfolded(scene.forwarded[0])
        assert [line for line in went[1:] if field(line) not in OURS] == [
            line for line in came[1:] if field(line) not in OURS
        ]
        assert body == rest[: len(body)]
        [request] = scene.requests
        assert request.headers.get("Content-Length") in (b"%d" % len(body), b"0%d" % len(body))
        before = [via.sent_by for via in parse_message(row.octets).vias]
        assert [via.sent_by for via in request.vias] == ["192.0.2.10:5060", *before]


def came_through(name: str) -> tuple[bytes, Request]:
    """What the next hop got of a message."""
    with tortured(BY_NAME[name]) as scene:
        [octets], [request] = scene.forwarded, scene.requests
        return octets, request


def test_wsinv() -> None:
    """RFC 4475 3.1.1.1: zeros in front mean nothing, odd fields stay [W02] [W03]."""
    octets, request = came_through("wsinv")
    assert (request.max_forwards, request.cseq.number) == (67, 9)
    assert b"\r\nUnknownHeaderWithUnusualValue: ;;,,;;,;\r\n" in octets
    assert [via.branch for via in request.vias][1:] == [
        "390skdjuw",
        "z9hG4bK9ikj8",
        "z9hG4bK30239",
    ]


def test_a_repeated_message_without_a_branch_is_one_transaction() -> None:
    """RFC 3261 17.2.3: wsinv and badbranch are matched by the rules of RFC 2543."""
    for name in ("wsinv", "badbranch", "inv2543"):
        row = BY_NAME[name]
        with tortured(row) as scene:
            scene.send(row.octets)
            assert len(scene.forwarded) == 1


def test_intmeth() -> None:
    """RFC 4475 3.1.1.2: the method, NUL in quotes and UTF-8 arrive as they were [B04] [M03]."""
    octets, request = came_through("intmeth")
    assert request.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert BY_NAME["intmeth"].octets.split(b" ")[1] == request.raw_uri
    assert b"\\\x00" in octets


def test_esc02() -> None:
    """RFC 4475 3.1.1.5: nothing is unescaped: neither a method nor a field name [M03]."""
    octets, request = came_through("esc02")
    assert request.method == "RE%47IST%45R"
    contacts = request.contacts
    assert isinstance(contacts, list)
    assert len(contacts) == 2
    assert b"\r\nC%6Fntact: " in octets


def test_dblreq() -> None:
    """RFC 4475 3.1.1.8: what follows the message in a datagram goes no further."""
    octets, _ = came_through("dblreq")
    assert octets.endswith(b"\r\n\r\n")
    assert octets.count(b"\r\n\r\n") == 1


def test_mpart01() -> None:
    """RFC 4475 3.1.1.11: binary octets pass; the strict router ahead gets the old form."""
    _, request = came_through("mpart01")
    came = BY_NAME["mpart01"].octets.partition(b"\r\n\r\n")[2]
    assert (request.body, len(request.body)) == (came, 553)
    assert request.raw_uri == b"sip:127.0.0.1:5080"
    assert [str(route.uri) for route in request.routes] == ["sip:kumiko@example.org"]


def test_transports() -> None:
    """RFC 4475 3.1.1.10: names of transports that nobody knows stay in lower Via values."""
    _, request = came_through("transports")
    assert [via.transport for via in request.vias] == [
        "UDP", "UDP", "SCTP", "TLS", "UNKNOWN", "TCP"
    ]  # fmt: skip


def test_longreq() -> None:
    """RFC 4475 3.1.1.7: 34 Via values and long names; nothing is cut. It leaves by TCP [W07]."""
    _, request = came_through("longreq")
    assert len(request.vias) == 35
    assert request.top_via.transport == "TCP"


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("bext01", 420, (b"Unsupported", b"noproxiessupportthis, nordoanyproxiessupportthis")),
        ("badvers", 505, None),
        ("zeromf", 483, None),
        ("unkscm", 416, None),
        ("novelsc", 416, None),
        ("scalar02", 400, None),
        ("multi01", 400, None),
        ("mcl01", 400, None),
        ("escruri", 400, None),
    ],
)
def test_refusals(name: str, status: int, told: tuple[bytes, bytes] | None) -> None:
    """RFC 4475 3.1.2, 3.3: exactly one status, though the table would allow others [C03]."""
    with tortured(BY_NAME[name]) as scene:
        [answer] = scene.answers
        assert answer.startswith(b"SIP/2.0 %d " % status)
        if told is not None:
            assert told[0] + b": " + told[1] in answer.split(b"\r\n")


@pytest.mark.parametrize("name", ["bcast", "unreason", "noreason", "scalarlg", "bigcode"])
def test_responses_to_nothing(name: str) -> None:
    """RFC 3261 18.1.2, RFC 6026: dropped, and nothing is ever sent to broadcast addresses."""
    with tortured(BY_NAME[name]) as scene:
        scene.lab.advance(1)
        assert [str(p) for p in scene.lab.network.ladder if p.source[0] == "192.0.2.10"] == []


def test_the_same_answer_to_the_same_broken_message() -> None:
    """RFC 3261 8.2.7: a 400 without state has the same To tag each time."""
    for row in ROWS:
        if row.parser == "reject" and row.proxy == {"400"}:
            with tortured(row) as scene:
                scene.send(row.octets)
                first, second = scene.answers
                assert first == second


def test_regescrt_and_contacts() -> None:
    """RFC 4475 3.3.12 to 3.3.14: a proxy leaves Contact alone, brackets or not."""
    for name, contact in (
        ("cparam01", b"Contact: sip:+19725552222@gw1.example.net;unknownparam"),
        ("cparam02", b"Contact: <sip:+19725552222@gw1.example.net;unknownparam>"),
        ("regescrt", b"M: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
    ):
        octets, _ = came_through(name)
        assert contact in octets.split(b"\r\n")


SPELLINGS = {b"V": b"Via", b"L": b"Content-Length"}


def field(line: bytes) -> bytes:
    """The name of a header line in its usual spelling."""
    name = line.partition(b":")[0].strip().title()
    return SPELLINGS.get(name, name)
