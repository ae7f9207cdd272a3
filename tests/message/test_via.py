"""`sipapp.message.via`: the way back of a response."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.errors import MessageError, UsageError
from sipapp.message.grammar import encode_wire
from sipapp.message.params import Params
from sipapp.message.via import Via, split_via


def via(text: str) -> Via:
    """The only value of a line."""
    value, rest = split_via(text.encode())
    assert rest is None
    return value


def facts(value: Via) -> tuple[object, ...]:
    """All attributes but the parameters."""
    address = (value.transport, value.host, value.port, value.sent_by)
    return (*address, value.branch, value.received, value.rport)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds",
            ("UDP", "pc33.atlanta.com", None, "pc33.atlanta.com", "z9hG4bK776asdhds", None, None),
        ),
        (
            "SIP/2.0/tls Example.COM:5061;BRANCH=z9;RPort",
            ("TLS", "example.com", 5061, "example.com:5061", "z9", None, ""),
        ),
        (
            "SIP/2.0/UDP 10.1.1.1:4540;received=192.0.2.1;rport=9988;branch=z9hG4bKkjshdyff",
            ("UDP", "10.1.1.1", 4540, "10.1.1.1:4540", "z9hG4bKkjshdyff", "192.0.2.1", "9988"),
        ),
        (
            "SIP/2.0/UDP [2001:DB8::9:1]:6050;branch=z9hG4bKas3-111",
            ("UDP", "2001:db8::9:1", 6050, "[2001:db8::9:1]:6050", "z9hG4bKas3-111", None, None),
        ),
        (
            "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9",
            ("UDP", "2001:db8::9:1", None, "[2001:db8::9:1]", "z9", "2001:db8::9:255", None),
        ),
        (
            "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9",
            ("UDP", "2001:db8::9:1", None, "[2001:db8::9:1]", "z9", "2001:db8::9:255", None),
        ),
        (
            "SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
            (
                "TCP",
                "2001:db8::9:255",
                None,
                "[2001:db8::9:255]",
                "z9hG4bK451jj",
                "192.0.2.200",
                None,
            ),
        ),
        (
            "SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z",
            ("UDP", "::ffff:192.0.2.10", 19823, "[::ffff:192.0.2.10]:19823", "z", None, None),
        ),
        (
            "SIP / 2.0 / UDP  192.0.2.2 : 5060 ; branch = 390skdjuw ; ttl = 16 ; maddr=224.2.0.1",
            ("UDP", "192.0.2.2", 5060, "192.0.2.2:5060", "390skdjuw", None, None),
        ),
        (
            "SIP/2.0/UNKNOWN t4.example.com",
            ("UNKNOWN", "t4.example.com", None, "t4.example.com", None, None, None),
        ),
        (
            'SIP/2.0/WS df7jal23ls0d.invalid;branch=z9-.!%66*_+`\'~;x="a,;b\\""',
            (
                "WS",
                "df7jal23ls0d.invalid",
                None,
                "df7jal23ls0d.invalid",
                "z9-.!%66*_+`'~",
                None,
                None,
            ),
        ),
    ],
)
def test_parts(text: str, expected: tuple[object, ...]) -> None:
    """[T05] RFC 3261 20.42, RFC 3581, RFC 4475 3.1.1.2 and 3.1.1.10, RFC 5118 4.5, 4.7, 4.9."""
    value = via(text)
    assert facts(value) == expected
    assert str(value) == text


def test_folding_and_blanks_are_undone() -> None:
    """[W03] RFC 4475 3.1.1.1: `SIP  / 2.0\\r\\n /UDP`."""
    first, rest = split_via(
        b"  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
        b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239"
    )
    spindle = "spindle.example.com"
    assert facts(first)[:5] == ("TCP", spindle, None, spindle, "z9hG4bK9ikj8")
    assert rest is not None
    second, nothing = split_via(rest)
    assert facts(second)[:5] == ("UDP", "192.168.255.111", None, "192.168.255.111", "z9hG4bK30239")
    assert nothing is None


@given(
    st.sampled_from(["SIP/2.0/UDP", "SIP/2.0/WSS", "SIP/2.0/udp", "SIP/2.0/TLS-SCTP", "SIP/2.0/ "]),
    st.sampled_from(["a.test", "A.Test:5060", "192.0.2.1", "192.0.2.300", "[2001:DB8::1]:0", "h:"]),
    st.lists(
        st.sampled_from(
            [";rport", ";branch=z9hG4bK1", ";Branch=x", ";branch=", ";received=1.2.3.4"]
        ),
        max_size=3,
    ),
)
def test_the_usual_form_reads_like_any_other(
    protocol: str, sent_by: str, params: list[str]
) -> None:
    """RFC 3261 25.1: a blank at the end changes nothing but the way that the Via is read."""
    text = f"{protocol} {sent_by}{''.join(params)}"
    outcomes: list[tuple[object, ...]] = []
    for spelled in (text, f"{text} "):
        try:
            value = via(spelled)
            outcomes.append((str(value), facts(value), str(value.with_source("192.0.2.9", 7))))
        except MessageError as error:
            outcomes.append((str(error),))
    assert outcomes[0] == outcomes[1]


def test_values_of_one_line_come_off_one_by_one() -> None:
    """[W04] RFC 3261 7.3.1; the rest is the peer's octets, trimmed."""
    line = b'SIP/2.0/UDP a;branch=1;x="\xff,", SIP/2.0/TCP b ,x'
    first, rest = split_via(line)
    assert encode_wire(str(first)) == b'SIP/2.0/UDP a;branch=1;x="\xff,"'
    assert rest == b"SIP/2.0/TCP b ,x"
    second, rest = split_via(rest or b"")
    assert (str(second), rest) == ("SIP/2.0/TCP b", b"x")


def test_utf8_inside_quotes_does_not_shift_the_rest() -> None:
    """[B04] The end of a value counts octets, not characters."""
    first, rest = split_via('SIP/2.0/UDP a;x="\u00e9\u65e5", SIP/2.0/UDP b'.encode())
    assert (first.params.unquoted("x"), rest) == ("\u00e9\u65e5", b"SIP/2.0/UDP b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0 a",
        "SIP/2.0/UDPa.com",
        "/2.0/UDP a",
        "SIP/2.0/UDP 192.0.2.15;;,;,,",
        "SIP/2.0/UDP a;",
        "SIP/2.0/UDP a,",
        "SIP/2.0/UDP a, ",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP a:",
        "SIP/2.0/UDP a:65536",
        "SIP/2.0/UDP a:123456",
        "SIP/2.0/UDP a:5a60",
        "SIP/2.0/UDP a@b",
        "SIP/2.0/UDP -a",
        "SIP/2.0/UDP 444.555.666.777",
        "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP [2001:db8::1",
        "SIP/2.0/UDP [2001::db8::1]",
        "SIP/2.0/UDP a;branch",
        "SIP/2.0/UDP a;branch=",
        'SIP/2.0/UDP a;branch="z9"',
        "SIP/2.0/UDP a;branch=1;branch=2",
        "SIP/2.0/UDP a;rport;rport",
        "SIP/2.0/UDP a;rport;branch=1;rport",
        "SIP/2.0/UDP a;rport=65536",
        "SIP/2.0/UDP a;rport=x",
        "SIP/2.0/UDP a;received",
        "SIP/2.0/UDP a;received=host",
        "SIP/2.0/UDP a;received=1.2.3.4;received=1.2.3.4",
        "SIP/2.0/UDP a;received=" + "1" * 61,
        "SIP/2.0/UDP a;ttl=256",
        "SIP/2.0/UDP a;ttl",
        "SIP/2.0/UDP a;maddr",
        "SIP/2.0/UDP a;maddr=1.2.3",
        "SIP/2.0/UDP a;maddr=" + "a" * 300,
        'SIP/2.0/UDP a;x="b',
        "SIP/2.0/UDP " + "a" * 256,
        "SIP/2.0/UDP <a>",
        "\u00e9/2.0/UDP a",
    ],
)
def test_what_breaks_the_grammar_is_refused(text: str) -> None:
    """RFC 3261 20.42, 25.1; RFC 4475 3.1.2.1."""
    with pytest.raises(MessageError, match=r"^Via: "):
        split_via(text.encode())


def test_a_folded_line_that_does_not_start_with_a_blank_is_refused() -> None:
    """[E10] Typesetting wraps are not folding (RFC 3261 7.3.1)."""
    with pytest.raises(MessageError):
        split_via(b"SIP/2.0/UDP a;branch=1\r\n;received=192.0.2.1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SIP/2.0/UDP 192.0.2.9;branch=z", "SIP/2.0/UDP 192.0.2.9;branch=z"),
        (
            "SIP/2.0/UDP 192.0.2.9;branch=z;rport",
            "SIP/2.0/UDP 192.0.2.9;branch=z;rport=5070;received=192.0.2.9",
        ),
        ("SIP/2.0/UDP pc33.a.com;branch=z", "SIP/2.0/UDP pc33.a.com;branch=z;received=192.0.2.9"),
        (
            "SIP/2.0/UDP 10.0.0.1;rport;branch=z",
            "SIP/2.0/UDP 10.0.0.1;branch=z;rport=5070;received=192.0.2.9",
        ),
        ("SIP/2.0/UDP a;received=1.1.1.1;z", "SIP/2.0/UDP a;z;received=192.0.2.9"),
        ("SIP/2.0/UDP 192.0.2.9;received=1.1.1.1;z", "SIP/2.0/UDP 192.0.2.9;z"),
        (
            "SIP/2.0/UDP a;RPORT=1; received = 1.1.1.1 ;z",
            "SIP/2.0/UDP a ;z;rport=5070;received=192.0.2.9",
        ),
        (
            'SIP/2.0/UDP a;x=";rport;received=1";rport',
            'SIP/2.0/UDP a;x=";rport;received=1";rport=5070;received=192.0.2.9',
        ),
        (
            "SIP/2.0/UDP a;rportx;xrport;rport",
            "SIP/2.0/UDP a;rportx;xrport;rport=5070;received=192.0.2.9",
        ),
    ],
)
def test_the_source_is_written_into_the_top_via(text: str, expected: str) -> None:
    """RFC 3261 18.2.1, RFC 3581 4: and what the peer claims about itself is replaced."""
    stamped = via(text).with_source("192.0.2.9", 5070)
    assert str(stamped) == expected
    assert facts(stamped) == facts(via(expected))


def test_the_source_may_be_ipv6() -> None:
    """[T05] RFC 3261 25.1: received holds an address without brackets; compared by value."""
    stamped = via("SIP/2.0/UDP a;rport").with_source("2001:db8::1", 5)
    assert str(stamped) == "SIP/2.0/UDP a;rport=5;received=2001:db8::1"
    same = via("SIP/2.0/UDP [2001:DB8:0::1]")
    assert same.with_source("2001:db8::1", 5) is same


def test_parts_make_a_via() -> None:
    """Built, printed and read again it is the same."""
    built = Via("TCP", "2001:db8::1", 5070, Params(";branch=z9hG4bK1;rport"))
    assert str(built) == "SIP/2.0/TCP [2001:db8::1]:5070;branch=z9hG4bK1;rport"
    assert facts(built) == facts(via(str(built)))
    assert len({built, via(str(built))}) == 1
    assert built != str(built)
    assert repr(Via("UDP", "h", None)) == "Via('SIP/2.0/UDP h')"
    assert facts(built.with_params(Params(";branch=2")))[4:] == ("2", None, None)


@pytest.mark.parametrize(
    ("transport", "host"), [("U P", "h"), ("UDP", "h;x"), ("UDP", "h\r\nA: b")]
)
def test_no_part_smuggles_another(transport: str, host: str) -> None:
    """What we build ourselves obeys RFC 3261 25.1, too."""
    with pytest.raises(UsageError):
        Via(transport, host, None)


@given(st.binary(max_size=40))
def test_any_octets_give_a_via_or_a_message_error(value: bytes) -> None:
    """Nothing else may come out of a packet."""
    try:
        first, rest = split_via(b"SIP/2.0/UDP h" + value)
    except MessageError:
        return
    assert (first.transport, rest != b"") == ("UDP", True)


@pytest.mark.parametrize(
    "value",
    [
        b"SIP/2.0/UDP a;x" + b" " * 60_000 + b"!",
        b"SIP/2.0/UDP a;x=" + b'"' + b"\\x" * 30_000,
        b"SIP/2.0/UDP a" + b";a" * 20_000 + b"@",
        b"SIP/2.0/UDP " + b"a." * 30_000,
        b" " * 60_000 + b"x\r\n y",
        b"<" * 20_000,
    ],
)
def test_long_nonsense_is_refused_in_one_pass(value: bytes) -> None:
    """64 KiB of anything: a rule that backtracks would not come back."""
    with pytest.raises(MessageError):
        split_via(value)


def test_long_blanks_are_stamped_in_one_pass() -> None:
    """Legal, if odd: the search for rport must not start anew at each blank."""
    first, _ = split_via(b"SIP/2.0/UDP a;rport;x" + b" " * 60_000 + b";y")
    assert first.with_source("192.0.2.9", 5).params.get("rport") == "5"
