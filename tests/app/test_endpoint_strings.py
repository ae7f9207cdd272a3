"""Listen strings: Twisted's syntax, plus udp: and advertise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.app.endpoint_strings import ListenAddress, ListenStringError, parse_listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("udp:5060", ListenAddress("UDP", "0.0.0.0", 5060)),
        ("tcp:5060:interface=127.0.0.1", ListenAddress("TCP", "127.0.0.1", 5060)),
        ("tcp:interface=127.0.0.1:port=0", ListenAddress("TCP", "127.0.0.1", 0)),
        (r"udp:5060:interface=\:\:1", ListenAddress("UDP", "::1", 5060)),
        ("udp:5060:interface=[::1]", ListenAddress("UDP", "::1", 5060)),
        ("udp:5060:interface=[0:0::1]", ListenAddress("UDP", "::1", 5060)),
        (
            "udp:5060:advertise=sip.example.com",
            ListenAddress("UDP", "0.0.0.0", 5060, ("sip.example.com", 5060)),
        ),
        (
            "udp:5060:advertise=192.0.2.1:5070:interface=10.0.0.1",
            ListenAddress("UDP", "10.0.0.1", 5060, ("192.0.2.1", 5070)),
        ),
        (
            r"udp:5060:advertise=192.0.2.1\:5070",
            ListenAddress("UDP", "0.0.0.0", 5060, ("192.0.2.1", 5070)),
        ),
        (
            "udp:5060:advertise=[2001:db8::1]:5070",
            ListenAddress("UDP", "0.0.0.0", 5060, ("2001:db8::1", 5070)),
        ),
        (
            r"udp:5060:advertise=2001\:db8\:\:1",
            ListenAddress("UDP", "0.0.0.0", 5060, ("2001:db8::1", 5060)),
        ),
    ],
)
def test_what_can_be_written(text: str, expected: ListenAddress) -> None:
    """Colons separate; a backslash or brackets protect those of an IPv6 address."""
    assert parse_listen(text) == expected


@pytest.mark.parametrize(
    ("text", "cause", "fix"),
    [
        ("", "'' is no transport", "write it like udp:5060:interface=127.0.0.1"),
        ("upd:5060", "'upd' is no transport", "did you mean udp:?"),
        ("UDP:5060", "'UDP' is no transport", "did you mean udp:?"),
        ("tls:5061", "tls: is not in this version", "listen on udp: or tcp:"),
        ("udp", "'udp' names no port", "write it like udp:5060:interface=127.0.0.1"),
        ("udp:x", "'x' is no port", "use a number from 0 to 65535"),
        ("udp:65536", "'65536' is no port", "use a number from 0 to 65535"),
        ("udp:-1", "'-1' is no port", "use a number from 0 to 65535"),
        ("udp:\u0665", "'\u0665' is no port", "use a number from 0 to 65535"),
        ("udp:5060:port=5061", "port is given twice", "keep one of them"),
        (
            "udp:5060:interfaces=::1",
            "'interfaces' is no option of a listener",
            "did you mean interface=?",
        ),
        (
            "udp:5060:backlog=5",
            "'backlog' is no option of a listener",
            "known are port, interface, advertise",
        ),
        (
            "udp:5060:5061",
            "'5061' is not key=value",
            "write it like udp:5060:interface=127.0.0.1",
        ),
        (
            "udp:5060:interface=::1",
            "two colons stand side by side",
            "put brackets around an IPv6 address: interface=[::1]",
        ),
        (
            "udp:5060:interface=localhost",
            "interface 'localhost' is no IP address",
            "use the address of the interface, 0.0.0.0 for all",
        ),
        (
            "udp:5060:advertise=not_a_host",
            "advertise=not_a_host names no host",
            "use a host name or an IP address",
        ),
        (
            "udp:5060\\",
            "'udp:5060\\\\' ends in a backslash",
            "write it like udp:5060:interface=127.0.0.1",
        ),
    ],
)
def test_mistakes_say_what_to_do(text: str, cause: str, fix: str) -> None:
    """Every mistake has one cause and one fix."""
    with pytest.raises(ListenStringError) as caught:
        parse_listen(text)
    assert (caught.value.cause, caught.value.fix) == (cause, fix)


@given(
    st.sampled_from(["UDP", "TCP"]),
    st.ip_addresses().map(str),
    st.integers(0, 65535),
    st.none() | st.tuples(st.ip_addresses().map(str) | st.just("a.example"), st.integers(0, 65535)),
)
def test_what_is_printed_reads_back(
    transport: str, host: str, port: int, advertised: tuple[str, int] | None
) -> None:
    """``str`` gives a listen string for the same address."""
    address = ListenAddress(transport, host, port, advertised)
    assert parse_listen(str(address)) == address


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    """All interfaces are not loopback, although they include it."""
    assert ListenAddress("UDP", host, 5060).loopback is expected
