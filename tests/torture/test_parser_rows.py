"""The ``parser`` column, row by row: RFC 4475 and RFC 5118 against the parser alone."""

from __future__ import annotations

from sipapp.message.message import Request
from sipapp.message.parser import MalformedMessage, parse_message
from tests.torture.rows import HERE, ROWS, Row, each_row, unfolded

FIELDS = "top_via vias from_ to from_tag to_tag call_id cseq contacts record_routes".split()
REQUEST_FIELDS = "max_forwards expires routes uri".split()


def test_every_message_has_a_row() -> None:
    """Nothing is skipped: 65 files, 65 rows."""
    files = sorted(path.name for path in HERE.glob("rfc*/*.dat"))
    assert sorted(row.file for row in ROWS) == files
    assert len(files) == 65


def refusal(octets: bytes) -> MalformedMessage | None:
    """What the parser has against a message."""
    try:
        parse_message(octets)
    except MalformedMessage as error:
        return error
    return None


@each_row()
def test_a_row(row: Row) -> None:
    """RFC 4475, 5118: accepted, refused, or either [T05] [W03] [W05]."""
    error = refusal(row.octets)
    assert row.parser in (("ok" if error is None else "reject"), "either")
    if error is not None:
        assert error.status_hint == (505 if row.file == "badvers.dat" else 400)


@each_row(lambda row: row.parser == "ok")
def test_a_message_that_is_fine_keeps_its_octets(row: Row) -> None:
    """RFC 3261 7.3, 16.6: line for line as it came, unfolded, and the body cut as declared."""
    message = parse_message(row.octets)
    lines, rest = unfolded(row.octets)
    head, _, body = message.to_bytes().partition(b"\r\n\r\n")
    added = [b"Content-Length: %d" % len(rest)] if row.file == "inv2543.dat" else []
    assert head.split(b"\r\n")[1:] == lines[1:] + added
    assert body == rest[: len(body)]
    assert message.headers.get("Content-Length") == b"%d" % len(body) or row.file == "wsinv.dat"


@each_row(lambda row: row.parser == "ok")
def test_every_field_of_a_message_that_is_fine_can_be_read(row: Row) -> None:
    """RFC 4475 3.1.1, 3.3: what is odd but legal makes no accessor stumble."""
    message = parse_message(row.octets)
    for field in FIELDS + (REQUEST_FIELDS if isinstance(message, Request) else []):
        getattr(message, field)


@each_row(lambda row: row.parser != "ok")
def test_a_message_cut_anywhere_is_refused_in_one_way(row: Row) -> None:
    """No prefix of a broken message raises anything but MalformedMessage."""
    for length in range(0, len(row.octets), 7):
        refusal(row.octets[:length])
