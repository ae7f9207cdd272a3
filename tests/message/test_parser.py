"""One datagram to a message: what is read, and what is refused with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.errors import MessageError
from sipapp.message.message import Request, Response
from sipapp.message.parser import MAX_HEADER_LINES, MalformedMessage, parse_message

LINES = {
    "Via": b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
    "From": b"From: <sip:a@example.test>;tag=1",
    "To": b"To: <sip:b@example.test>",
    "Call-ID": b"Call-ID: c1@192.0.2.1",
    "CSeq": b"CSeq: 7 OPTIONS",
    "Content-Length": b"Content-Length: 0",
}
START = b"OPTIONS sip:b@example.test SIP/2.0"


def message(
    start: bytes = START, body: bytes = b"", *extra: bytes, without: object = "", **lines: bytes
) -> bytes:
    """A request with some lines changed; keywords spell "-" as "_"."""
    changed = {name.replace("_", "-"): line for name, line in lines.items()}
    parts = [changed.get(name, line) for name, line in LINES.items() if name != without]
    return b"\r\n".join([start, *parts, *extra, b"", body])


def outcome(data: bytes) -> int:
    """The status that refuses the message, 200 for none."""
    try:
        parse_message(data)
    except MalformedMessage as error:
        return error.status_hint
    return 200


def refusal(data: bytes) -> tuple[str, int, bool]:
    """What is wrong, the status that answers it, and whether it can be answered."""
    with pytest.raises(MalformedMessage) as caught:
        parse_message(data)
    return str(caught.value), caught.value.status_hint, caught.value.partial is not None


class ReadingTests:
    """What a message holds."""

    def test_a_request(self) -> None:
        """RFC 3261 7.1: everything in its place."""
        request = parse_message(message())
        assert isinstance(request, Request)
        assert (request.method, request.raw_uri, request.body) == (
            "OPTIONS", b"sip:b@example.test", b"",
        )  # fmt: skip
        assert (request.cseq.number, request.cseq.method) == (7, "OPTIONS")
        assert (request.from_tag, request.to_tag, request.call_id) == ("1", None, "c1@192.0.2.1")
        assert (request.top_via.branch, request.max_forwards) == ("z9hG4bK1", None)

    def test_a_response(self) -> None:
        """RFC 3261 7.2: the reason phrase is text, UTF-8 or not. [B04]"""
        response = parse_message(message(b"SIP/2.0 200 \xd0\xb4\xd0\xb0"))
        assert isinstance(response, Response)
        assert (response.status, response.reason, response.final) == (200, "да", True)

    def test_what_nobody_touches_is_written_back(self) -> None:
        """Octet for octet, invalid UTF-8 included. [B04]"""
        data = message(START, b"", b"X-Odd  :  \xff\xfe ,, ", b'Subject: "\\\x01"')
        assert parse_message(data).to_bytes() == data

    def test_folds_become_one_space(self) -> None:
        """RFC 3261 7.3.1: accepted, never sent. [W03]"""
        data = message(Call_ID=b"Call-ID:\r\n \t c1@192.0.2.1")
        assert parse_message(data).headers.lines[3] == b"Call-ID: c1@192.0.2.1"

    def test_line_ends_in_front_are_skipped(self) -> None:
        """RFC 3261 7.5."""
        assert parse_message(b"\r\n\r\n" + message()).to_bytes() == message()

    def test_octets_behind_the_body_are_dropped(self) -> None:
        """RFC 3261 18.3. [W05]"""
        data = message(START, b"hello" + message(), Content_Length=b"l: 5")
        assert parse_message(data).body == b"hello"

    def test_without_content_length_the_body_is_the_rest(self) -> None:
        """RFC 3261 18.3; the field is added because the message may leave on a stream. [W05]"""
        parsed = parse_message(message(START, b"hello", without="Content-Length"))
        assert (parsed.body, parsed.headers.get("Content-Length")) == (b"hello", b"5")

    def test_mixed_forms_keep_their_order(self) -> None:
        """``Via`` then ``v`` is one list. [W02]"""
        data = message(START, b"", b"v:SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK2")
        assert [via.branch for via in parse_message(data).vias] == ["z9hG4bK1", "z9hG4bK2"]

    @given(st.data())
    def test_any_header_survives(self, data: st.DataObject) -> None:
        """Reading and writing are inverse for whatever is legal."""
        value = data.draw(st.binary(max_size=60).filter(_is_plain))
        whole = message(START, b"", b"X-Any: " + value)
        assert parse_message(whole).to_bytes() == whole


def _is_plain(value: bytes) -> bool:
    return not any((octet < 32 and octet != 9) or octet == 127 for octet in value)


class RefusingTests:
    """What is malformed."""

    @pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq"])
    def test_missing_fields(self, name: str) -> None:
        """RFC 3261 8.1.1: mandatory in every message (hostile.md P8)."""
        assert refusal(message(without=name)) == (f"{name}: is missing", 400, True)

    def test_without_via_nobody_is_answered(self) -> None:
        """RFC 3261 18.2.2: there is no way back."""
        assert refusal(message(without="Via")) == ("Via: is missing", 400, False)

    @pytest.mark.parametrize(
        "line", [b"t: <sip:x@h>", b"From: <sip:x@h>", b"i: 2", b"CSeq: 1 OPTIONS", b"l: 0"]
    )
    def test_repeated_singletons(self, line: bytes) -> None:
        """RFC 4475 3.3.8 (hostile.md P8)."""
        reason, status, answerable = refusal(message(START, b"", line))
        assert (reason.endswith("stands more than once"), status, answerable) == (True, 400, True)

    @pytest.mark.parametrize(
        "length",
        [b"-1", b"+5", b"0x5", b"five", b"", b"5.0", b"5 6", b"5, 5", b"99999999999", b"9" * 100],
    )
    def test_lengths_that_are_none(self, length: bytes) -> None:
        """Digits, at most ten (hostile.md P2). [W05]"""
        data = message(START, b"hello", Content_Length=b"Content-Length: " + length)
        expected = "Content-Length: is not a number of at most 10 digits"
        assert refusal(data) == (expected, 400, True)

    def test_a_length_beyond_the_datagram(self) -> None:
        """RFC 3261 18.3. [W05]"""
        data = message(START, b"hello", Content_Length=b"Content-Length: 6")
        assert refusal(data) == ("Content-Length: is larger than the body", 400, True)

    @pytest.mark.parametrize(
        ("start", "reason", "status"),
        [
            (b"OPTIONS sip:b@h SIP/7.0", "version: is not SIP/2.0", 505),
            (b"OPTIONS sip:b@h HTTP/1.1", "request line: has no SIP version", 400),
            (b"OPTIONS sip:b@h", "request line: is not METHOD SP URI SP SIP/2.0", 400),
            (b"OPTIONS  sip:b@h SIP/2.0", "request line: is not METHOD SP URI SP SIP/2.0", 400),
            (b"OPT(ONS sip:b@h SIP/2.0", "request line: is not METHOD SP URI SP SIP/2.0", 400),
            (b"INVITE sip:b@h SIP/2.0", "CSeq: names another method", 400),
        ],
    )
    def test_start_lines(self, start: bytes, reason: str, status: int) -> None:
        """RFC 3261 7.1, 8.1.1.5."""
        assert refusal(message(start)) == (reason, status, True)

    @pytest.mark.parametrize("status", [b"0", b"99", b"700", b"4294967301", b"20", b"2000"])
    def test_impossible_statuses_are_not_answered(self, status: bytes) -> None:
        """RFC 4475 3.1.2.19 (hostile.md P14)."""
        expected = "status line: has no status from 100 to 699"
        assert refusal(message(b"SIP/2.0 " + status + b" x")) == (expected, 400, False)

    @pytest.mark.parametrize("octet", [b"\x00", b"\x01", b"\x0b", b"\x1b", b"\x7f"])
    def test_control_octets(self, octet: bytes) -> None:
        """RFC 3261 25.1: only in a quoted pair; and such a line is not echoed (P16)."""
        data = message(START, b"", b"X: a" + octet)
        assert refusal(data) == ("message: has a control octet", 400, True)

    @pytest.mark.parametrize("octet", [b"\r", b"\n"])
    def test_cr_or_lf_alone(self, octet: bytes) -> None:
        """No second reading of where a line ends."""
        data = message(START, b"", b"X: a" + octet + b"b")
        assert refusal(data) == ("message: has a CR or LF alone", 400, True)

    @pytest.mark.parametrize("line", [b"no colon here", b": value", b"Vias", b"Conta ct: x"])
    def test_lines_that_are_no_header(self, line: bytes) -> None:
        """RFC 3261 25.1; the twin of the mimicry slide among them."""
        assert refusal(message(START, b"", line)) == ("header name: is not a token", 400, True)

    def test_too_many_lines(self) -> None:
        """More than anybody needs is refused before it costs (P15)."""
        data = message(START, b"", *[b"X: y"] * MAX_HEADER_LINES)
        assert refusal(data) == ("message: too many header lines", 513, True)

    def test_a_header_section_without_end(self) -> None:
        """RFC 3261 18.3: a truncated datagram is answered if it says from whom it is."""
        assert refusal(message()[:-4]) == ("message: header section has no end", 400, True)

    def test_max_forwards_out_of_range(self) -> None:
        """RFC 3261 20.22."""
        expected = ("Max-Forwards: is not a number from 0 to 255", 400, True)
        assert refusal(message(START, b"", b"Max-Forwards: 256")) == expected

    def test_an_ack_is_not_answered(self) -> None:
        """RFC 3261 17: no response to an ACK. [M05]"""
        data = message(b"ACK sip:b@h SIP/2.0", without="From")
        assert refusal(data) == ("From: is missing", 400, False)

    @pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Via"])
    def test_responses_lack_nothing(self, name: str) -> None:
        """RFC 3261 8.1.1 holds for responses, too; they are dropped."""
        data = message(b"SIP/2.0 200 OK", without=name)
        assert refusal(data) == (f"{name}: is missing", 400, False)

    def test_responses_are_read_where_somebody_looks(self) -> None:
        """RFC 3261 16.7: a proxy passes on what it need not understand."""
        lines = {"From": b"From: <", "To": b"To: <sip:b@h>;", "Call_ID": b"Call-ID: a b"}
        data = message(b"SIP/2.0 200 OK", **lines)
        response = parse_message(data)
        assert response.to_bytes() == data
        for name in ("from_", "from_tag", "to", "to_tag"):
            with pytest.raises(MessageError, match="not a valid address"):
                getattr(response, name)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ({"Via": b"Via: SIP/2.0/UDP"}, "Via: not a valid Via value"),
            ({"CSeq": b"CSeq: 4294967296 OPTIONS"}, "CSeq: number out of range"),
        ],
    )
    def test_what_finds_the_transaction_of_a_response(
        self, line: dict[str, bytes], reason: str
    ) -> None:
        """RFC 3261 17.1.3, RFC 4475 3.1.2.5: the top Via and the CSeq are checked."""
        assert refusal(message(b"SIP/2.0 200 OK", **line)) == (reason, 400, False)

    @given(st.binary(max_size=300))
    def test_nothing_else_is_raised(self, data: bytes) -> None:
        """Noise is refused in one way only (hostile.md P18)."""
        assert outcome(data) in (200, 400, 413, 505, 513)

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("From", b'From: "' + b"\\x" * 32_000),
            ("To", b"To: " + b"<" * 60_000),
            ("Via", b"Via: " + b"," * 60_000),
            ("CSeq", b"CSeq: 0 " + b"A" * 60_000),
            ("Call-ID", b"Call-ID: " + b"@ " * 30_000),
        ],
    )
    def test_large_nonsense_is_refused(self, name: str, line: bytes) -> None:
        """Costs grow with the length and not with its square (hostile.md P15)."""
        data = message(START, b"", **{name.replace("-", "_"): line})
        assert refusal(data)[0].startswith(f"{name}: ")
