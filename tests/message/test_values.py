"""`sipapp.message.values`: the smaller header field values."""

from __future__ import annotations

import pytest

from sipapp.errors import MessageError, UsageError
from sipapp.message.params import Params
from sipapp.message.values import (
    EventType,
    MediaType,
    RetryAfter,
    WarningValue,
    parse_delta_seconds,
    parse_event,
    parse_media_type,
    parse_qvalue,
    parse_retry_after,
    parse_tokens,
    parse_warnings,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("3600", 3600), (b" 0068 ", 68), ("4294967295", 2**32 - 1), ("0" * 99 + "1", 1)],
)
def test_delta_seconds(text: str | bytes, seconds: int) -> None:
    """RFC 3261 20.19, 25.1; RFC 4475 3.1.1.1 (leading zeros)."""
    assert parse_delta_seconds(text, "Expires") == seconds


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.5", "1 2", "\u0661", "4294967296", "9" * 99, b"\xb2"]
)
def test_bad_delta_seconds(text: str | bytes) -> None:
    """RFC 4475 3.1.2.3, 3.1.2.4: never a negative number, never an overflow."""
    with pytest.raises(MessageError, match=r"^Expires: not a number below 2\*\*32$"):
        parse_delta_seconds(text, "Expires")


@pytest.mark.parametrize(
    ("text", "q"),
    [("0", 0.0), ("1", 1.0), ("0.", 0.0), ("0.5", 0.5), (b"0.333", 0.333), ("1.000", 1.0)],
)
def test_qvalue(text: str | bytes, q: float) -> None:
    """RFC 3261 25.1: qvalue."""
    assert parse_qvalue(text) == q


@pytest.mark.parametrize("text", ["", ".5", "1.1", "2", "-0", "0.1234", "1e0", "nan", "0,5", " 1"])
def test_bad_qvalue(text: str) -> None:
    """RFC 3261 25.1: qvalue has at most three decimals and never exceeds one."""
    with pytest.raises(MessageError, match=r"^Contact: "):
        parse_qvalue(text)


def test_tokens() -> None:
    """[W04] RFC 3261 20.5, 20.37: as the peer spelled them, in its order."""
    assert parse_tokens(b"100rel, timer ,\r\n Replaces", "Supported") == [
        "100rel",
        "timer",
        "Replaces",
    ]
    assert parse_tokens(b" ", "Supported") == []


@pytest.mark.parametrize(
    ("value", "hint"),
    [(b"a b", 400), (b"a,,", 513), (b"a,", 400), (b'"a"', 400), (b"\xff", 400), (b"a,b,c", 513)],
)
def test_bad_tokens(value: bytes, hint: int) -> None:
    """RFC 3261 25.1: option-tag = token."""
    with pytest.raises(MessageError) as caught:
        parse_tokens(value, "Require", limit=2)
    assert caught.value.status_hint == hint


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"18000;duration=3600", RetryAfter(18000, "", Params(";duration=3600"))),
        (b"120 (I'm in a meeting)", RetryAfter(120, "I'm in a meeting")),
        (b"5 (a \\) b);x", RetryAfter(5, "a \\) b", Params(";x"))),
        (b" 5 ", RetryAfter(5)),
    ],
)
def test_retry_after(value: bytes, expected: RetryAfter) -> None:
    """RFC 3261 20.33, its examples first."""
    assert parse_retry_after(value) == expected
    assert parse_retry_after(str(expected).encode()) == expected


@pytest.mark.parametrize("value", [b"", b"(a)", b"5 (a", b"5 a", b"5;", b"4294967296", b"5 (\n)"])
def test_bad_retry_after(value: bytes) -> None:
    """RFC 3261 25.1: Retry-After."""
    with pytest.raises(MessageError, match=r"^Retry-After: "):
        parse_retry_after(value)


def test_warnings() -> None:
    """RFC 3261 20.43, its examples."""
    value = b'307 isi.edu "Session parameter \\"foo\\" not understood", 301 [::1]:5060 "x, y"'
    assert parse_warnings(value) == [
        WarningValue(307, "isi.edu", 'Session parameter "foo" not understood'),
        WarningValue(301, "[::1]:5060", "x, y"),
    ]
    assert str(WarningValue(399, "h", 'a "b"')) == '399 h "a \\"b\\""'


@pytest.mark.parametrize("value", [b"307", b'37 a "b"', b"307 a b", b'307  a "b"', b'307 a "b" c'])
def test_bad_warnings(value: bytes) -> None:
    """RFC 3261 25.1: warning-value has single spaces and a quoted text."""
    with pytest.raises(MessageError, match=r"^Warning: "):
        parse_warnings(value)


@pytest.mark.parametrize("warning", [WarningValue(30, "h", ""), WarningValue(300, "a b", "")])
def test_no_illegal_warning_is_printed(warning: WarningValue) -> None:
    """RFC 3261 25.1."""
    with pytest.raises(UsageError):
        str(warning)


def test_media_types_compare_without_regard_to_case() -> None:
    """[W06] RFC 3261 7.4.1: `application/SDP` of the talk is application/sdp."""
    assert parse_media_type(b"application/SDP") == MediaType("application", "sdp")
    value = parse_media_type(b' Multipart / Mixed ; Boundary="a;b" ')
    assert (value.name, value.params.unquoted("boundary")) == ("multipart/mixed", "a;b")
    assert str(value) == 'multipart/mixed ; Boundary="a;b"'
    assert parse_media_type(b"*/*;q=0.1", "Accept").name == "*/*"


@pytest.mark.parametrize(
    "value", [b"", b"a", b"a/", b"/b", b"a/b/c", b"a b/c", b"a/b;", b"a/b,c/d"]
)
def test_bad_media_types(value: bytes) -> None:
    """RFC 3261 25.1: media-type."""
    with pytest.raises(MessageError, match=r"^Content-Type: "):
        parse_media_type(value)


def test_events() -> None:
    """RFC 6665 8.4: package with templates, and id."""
    event = parse_event(b"presence.winfo;id=7")
    assert (event.package, event.id, str(event)) == ("presence.winfo", "7", "presence.winfo;id=7")
    assert parse_event(b"refer") == EventType("refer")
    with pytest.raises(MessageError, match=r"^Event: "):
        parse_event(b"a b")
