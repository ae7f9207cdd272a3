"""Cutting byte streams into messages: framing, keep-alive, limits, hostile lengths."""

from __future__ import annotations

import csv
import gc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.errors import MessageError
from sipapp.message.stream import Broken, Event, Frame, Ping, Pong, StreamLimits, StreamParser

LIMITS = StreamLimits()
SMALL = StreamLimits(max_head=400, max_line=100, max_body=50)

TORTURE = Path(__file__).parents[1] / "torture"


def options(*lines: bytes, body: bytes = b"", end: bytes = b"\r\n\r\n") -> bytes:
    """An OPTIONS with the header lines given and nothing else."""
    return b"\r\n".join((b"OPTIONS sip:a@example.com SIP/2.0", *lines)) + end + body


def sized(body: bytes = b"") -> bytes:
    """An OPTIONS with the right Content-Length."""
    return options(b"Content-Length: %d" % len(body), body=body)


def plain(event: Event) -> object:
    """An event as something that compares: errors do so by identity."""
    if isinstance(event, Broken):
        error = event.error
        return ("broken", error.field, error.reason, error.status_hint, event.head)
    return event


def fed(data: bytes, size: int | None = None, limits: StreamLimits = LIMITS) -> list[object]:
    """All events of ``data``, given in pieces of ``size`` octets, or whole."""
    parser = StreamParser(limits)
    size = size or max(1, len(data))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return [plain(event) for piece in pieces for event in parser.feed(piece)]


def broken(reason: str, head: bytes, *, status: int = 400, field: str = "Content-Length") -> object:
    """A ``Broken`` as ``plain`` shows it."""
    return ("broken", field, reason, status, head)


NOT_A_NUMBER = "is not a number of at most 10 digits"
TWICE = "stands more than once"
TOO_LARGE = "header section is too large"


@pytest.mark.parametrize("size", [None, 1, 7])
def test_a_message_is_one_frame_however_it_arrives(size: int | None) -> None:
    """A segment is no message: Content-Length alone ends one (RFC 3261 18.3). [W05]"""
    assert fed(sized(b"hello"), size) == [Frame(sized(b"hello"))]


@pytest.mark.parametrize("size", [None, 1, 1000])
def test_300_pipelined_messages_are_300_frames(size: int | None) -> None:
    """Nothing limits how many messages one segment may bring."""
    messages = [options(b"X: %d" % n, b"l: 0") for n in range(300)]
    assert fed(b"".join(messages), size) == [Frame(message) for message in messages]


def test_what_follows_a_message_begins_the_next() -> None:
    """Octets behind the body stay until the rest of their message comes."""
    parser = StreamParser(LIMITS)
    assert parser.feed(sized(b"hello") + b"OPT") == [Frame(sized(b"hello"))]
    assert parser.pending
    assert parser.feed(sized()[3:]) == [Frame(sized())]
    assert not parser.pending


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Length: 5",
        b"content-length:5",
        b"CONTENT-LENGTH \t : 5 \t",
        b"l:5",
        b"L : 5",
        b"Content-Length:\r\n 5",
        b"Content-Length: \r\n\t 5\r\n  ",
        b"Content-Length: 0000000005",
    ],
)
@pytest.mark.parametrize("size", [None, 1])
def test_every_spelling_of_the_field_is_read(field: bytes, size: int | None) -> None:
    """Compact, any case, blanks before the colon, folds (RFC 3261 7.3.1). [W02] [W03]"""
    message = options(b"X: 1", field, b"Y: 2", body=b"hello")
    assert fed(message + sized(), size) == [Frame(message), Frame(sized())]


@pytest.mark.parametrize(
    "line", [b"X: Content-Length: 9", b"X: a\r\n l: 9", b"Xl: 9", b"Content-Lengths: 9"]
)
def test_what_only_looks_like_the_field_is_not_read(line: bytes) -> None:
    """A value, a folded continuation and other names have no say."""
    message = options(line, b"l: 5", body=b"hello")
    assert fed(message) == [Frame(message)]


def test_binary_bodies_are_not_searched() -> None:
    """NUL, bare CR and LF, and whole header sections inside a body are body."""
    message = sized(b"\x00\r\n\r\nContent-Length: 99\r\n\r\n\n\r")
    assert fed(message * 2, 1) == [Frame(message)] * 2


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 90))
def test_frames_do_not_depend_on_segments(bodies: list[bytes], size: int) -> None:
    """Any pipeline cut anywhere gives the messages that were put in."""
    messages = [sized(body) for body in bodies]
    assert fed(b"".join(messages), size) == [Frame(message) for message in messages]


@pytest.mark.parametrize(
    "value",
    [b"-999", b"+5", b"0x5", b"five", b"", b"5.0", b"5 6", b"5, 5", b"5;x", b"\xb25", b"1_0",
     b"21400000000000", b"18446744073709551621", b"9" * 100, b"0" * 21 + b"5", b"5\x0b",
     b"5\r\n 6"],
)  # fmt: skip
@pytest.mark.parametrize("size", [None, 1])
def test_only_one_to_ten_digits_are_a_length(value: bytes, size: int | None) -> None:
    """No sign, base, list, wrap-around or Python notation (RFC 4475 3.1.2.3). [W05]"""
    message = options(b"Content-Length: " + value)
    assert fed(message + b"hello" + sized(), size) == [broken(NOT_A_NUMBER, message)]


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 5", b"Content-Length: 2"),
        (b"Content-Length: 5", b"l: 0"),
        (b"Content-Length: 5", b"Content-Length: 5"),
        (b"l: 0", b"X: 1", b"CONTENT-LENGTH\t: 5"),
        (b"l: 0", b"Content-Length\r\n : 5"),
    ],
)
@pytest.mark.parametrize("size", [None, 1])
def test_two_lengths_are_refused(lines: tuple[bytes, ...], size: int | None) -> None:
    """Equal or not: another element may pick the other one (RFC 4475 3.3.9)."""
    message = options(*lines)
    assert fed(message + b"hello" + sized(), size) == [broken(TWICE, message)]


@pytest.mark.parametrize("size", [None, 1])
def test_a_missing_length_is_refused(size: int | None) -> None:
    """The field must be used on streams (RFC 3261 18.3)."""
    message = options(b"Content-Type: text/plain")
    assert fed(message + sized(), size) == [broken("is missing on a stream", message)]


def test_a_large_body_is_refused_on_sight_of_its_length() -> None:
    """413 before any octet of body; the largest allowed one passes."""
    message = options(b"Content-Length: 51")
    assert fed(message, limits=SMALL) == [broken("is larger than we take", message, status=413)]
    assert fed(sized(b"b" * 50), limits=SMALL) == [Frame(sized(b"b" * 50))]


def test_a_broken_parser_takes_nothing_any_more() -> None:
    """What comes after is never parsed and never kept."""
    parser = StreamParser(LIMITS)
    parser.feed(options(b"l: x"))
    assert parser.feed(sized() * 3) == []
    assert not parser.pending


@pytest.mark.parametrize("size", [1, 3, 64])
def test_an_endless_line_is_refused(size: int) -> None:
    """At one octet over ``max_line``; the whole lines before it address the answer."""
    start = options(b"Via: 1", end=b"\r\n")
    events = fed(start + b"X: " + b"z" * 1000, size, SMALL)
    assert events == [broken(TOO_LARGE, start + b"\r\n", status=513, field="message")]


@pytest.mark.parametrize("line", [b"X-Bomb: yyyyyyyyyyyyyyy\r\n", b" folded line here\r\n"])
@pytest.mark.parametrize("size", [1, 3, 64])
def test_endless_header_lines_are_refused(line: bytes, size: int) -> None:
    """Header fields or folds, at ``max_head``."""
    start = options(b"Via: 1", end=b"\r\n")
    events = fed(start + line * 100, size, SMALL)
    whole = start + line * ((SMALL.max_head - len(start)) // len(line))
    assert events == [broken(TOO_LARGE, whole + b"\r\n", status=513, field="message")]


def test_an_endless_start_line_addresses_nobody() -> None:
    """There is no whole line yet, so there is nothing to answer with."""
    events = fed(b"OPTIONS sip:" + b"a" * 1000, 50, SMALL)
    assert events == [broken(TOO_LARGE, b"\r\n\r\n", status=513, field="message")]


@pytest.mark.parametrize("lines", [[b"X: " + b"z" * 99], [b"X: 1"] * 80])
def test_limits_hold_when_all_comes_at_once(lines: list[bytes]) -> None:
    """A complete header section is measured like an unfinished one."""
    message = options(*lines, b"l: 0")
    whole = message[: min(SMALL.max_head, len(message) - 2)].rpartition(b"\r\n")[0]
    assert fed(message, limits=SMALL) == [
        broken(TOO_LARGE, whole + b"\r\n\r\n", status=513, field="message")
    ]


@pytest.mark.parametrize("size", [None, 1, 2, 3, 5])
def test_line_ends_without_cr_are_refused(size: int | None) -> None:
    """Nobody would ever send the empty line that we wait for (RFC 3261 7: lines end in CRLF)."""
    start = options(b"Via: 1", b"From: 2", end=b"\r\n")
    alone = "has a LF alone"
    assert fed(start + b"To: 3\nl: 0\n\n", size) == [
        broken(alone, start + b"\r\n", field="message")
    ]
    assert fed(b"\nOPTIONS", size) == [broken(alone, b"\r\n\r\n", field="message")]


def test_the_largest_legal_line_and_head_pass() -> None:
    """Limits are inclusive."""
    message = options(b"l: 0", *[b"X: " + b"z" * 97] * 3)
    message = options(b"l: 0", *[b"X: " + b"z" * 97] * 3, b"Y" * (396 - len(message)) + b": ")
    assert len(message) == 400
    assert fed(message, limits=SMALL) == [Frame(message)]


def test_nothing_is_kept_of_line_ends() -> None:
    """An endless run of CRLF is taken off as it comes, one event a read."""
    parser = StreamParser(LIMITS)
    assert [parser.feed(b"\r\n" * 2048) for _ in range(100)] == [[Ping()]] * 100
    assert not parser.pending


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"\r\n\r\n"], [Ping()]),
        ([b"\r\n"], [Pong()]),
        ([b"\r\n", b"\r\n"], [Pong(), Ping()]),
        ([b"\r\n", b"\r\n", b"\r\n"], [Pong(), Ping(), Pong()]),
        ([b"\r", b"\n", b"\r", b"\n"], [Pong(), Ping()]),
        ([b"\r\n\r\n", b"\r\n\r\n"], [Ping(), Ping()]),
        ([b"\r\n" * 20], [Ping()]),
        ([b"\r\n\r"], [Pong()]),
    ],
)
def test_two_line_ends_are_a_ping_and_one_is_a_pong(
    pieces: list[bytes], expected: list[Event]
) -> None:
    """A ping cut in two is first taken for a pong, which nobody waits for."""
    parser = StreamParser(LIMITS)
    assert [event for piece in pieces for event in parser.feed(piece)] == expected
    assert not parser.pending


def test_line_ends_around_messages_do_not_disturb_them() -> None:
    """In front, between and behind."""
    stream = b"\r\n\r\n" + sized() + b"\r\n" * 20 + sized() + b"\r\n"
    assert fed(stream) == [Ping(), Frame(sized()), Ping(), Frame(sized()), Pong()]


def test_a_message_between_two_line_ends_parts_them() -> None:
    """Two pongs around a message are not a ping."""
    assert fed(b"\r\n" + sized() + b"\r\n") == [Pong(), Frame(sized()), Pong()]


def torture_cases() -> list[object]:
    """Every torture file with what its row says about streams."""
    cases: list[object] = []
    for table in sorted(TORTURE.glob("*/expectations.tsv")):
        with table.open(encoding="utf-8", newline="") as rows:
            cases.extend(
                pytest.param(table.parent / row["file"], row["stream"], id=row["file"])
                for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)
            )
    return cases


def head_of(data: bytes) -> bytes:
    """The header section with its empty line."""
    return data[: data.find(b"\r\n\r\n") + 4]


@pytest.mark.parametrize("size", [None, 1], ids=["whole", "by-octet"])
@pytest.mark.parametrize(("path", "expected"), torture_cases())
def test_torture_messages_on_a_stream(path: Path, expected: str, size: int | None) -> None:
    """RFC 4475 and RFC 5118 octets as a stream would bring them. [T05] [W05]"""
    data = path.read_bytes()
    events = fed(data, size)
    parser = StreamParser(LIMITS)
    parser.feed(data)
    match expected:
        case "frame":
            assert (events, parser.pending) == ([Frame(data)], False)
        case "two-messages":
            # The second Content-Length of the RFC is 5 octets short of its body.
            second = data[data.index(b"INVITE sip:joe@") :].removesuffix(b"C\r\n\r\n")
            left = broken("is missing on a stream", b"C\r\n\r\n")
            assert events == [Frame(head_of(data)), Pong(), Frame(second), left]
        case "wait-then-close":
            assert (events, parser.pending) == ([], True)
        case "trailing-junk":
            [frame] = events
            assert isinstance(frame, Frame)
            assert head_of(frame.data) == head_of(data)
            assert data.startswith(frame.data)
            assert parser.pending
        case "400-then-close":
            faults = {"ncl.dat": NOT_A_NUMBER, "mcl01.dat": TWICE}
            reason = faults.get(path.name, "is missing on a stream")
            assert events == [broken(reason, head_of(data))]
        case _:
            raise AssertionError(expected)


def test_every_torture_file_is_tried() -> None:
    """50 of RFC 4475 and 15 of RFC 5118; a file without a row would pass unseen."""
    files = {path for path in TORTURE.glob("*/*.dat")}
    listed = {case.values[0] for case in torture_cases()}  # type: ignore[attr-defined]
    assert (len(files), listed) == (65, files)


def test_errors_carry_nothing_of_the_peer() -> None:
    """A reason phrase made of them cannot smuggle (no octet the peer sent)."""
    [event] = StreamParser(LIMITS).feed(options(b"l: evil"))
    assert isinstance(event, Broken)
    assert isinstance(event.error, MessageError)
    assert str(event.error) == "Content-Length: is not a number of at most 10 digits"


def test_what_is_broken_is_freed_at_once() -> None:
    """Not when the cycle collector comes by: an attack would fill the memory until then."""
    gc.collect()
    gc.disable()
    try:
        StreamParser(LIMITS).feed(options(b"l: evil"))
        assert gc.collect() == 0
    finally:
        gc.enable()
