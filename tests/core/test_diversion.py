"""What is written into a diverted request, and when diverting ends (RFC 5806, 7044)."""

from __future__ import annotations

import pytest

from sipapp.core.diversion import divert, is_circular
from sipapp.message.headers import Headers
from sipapp.message.message import Request
from sipapp.message.uri import parse_uri

BOB = b"sip:bob@example.test"
CAROL = parse_uri(b"sip:carol@example.test")


def request(*fields: tuple[str, bytes], method: str = "INVITE", uri: bytes = BOB) -> Request:
    """A request for Bob with these fields."""
    headers = Headers([], [])
    for name, value in fields:
        headers.add(name, value)
    return Request(method, uri, headers)


def written(diverted: Request) -> list[bytes]:
    """The Request-URI and the header lines."""
    return [diverted.raw_uri, *diverted.headers.lines]


def test_a_first_diversion() -> None:
    """RFC 5806 5.4, RFC 7044 9.1, 9.2, 10.3: the entry of the caller is made up for her."""
    call = request()
    divert(call, CAROL, "busy", 486, again=False)
    assert written(call) == [
        b"sip:carol@example.test",
        b"Diversion: <sip:bob@example.test>;reason=user-busy;counter=1",
        b"History-Info: <sip:bob@example.test?Reason=SIP%3Bcause%3D486>;index=1,"
        b" <sip:carol@example.test>;index=1.1;mp=1",
    ]
    assert call.uri == CAROL


def test_a_question_mark_in_a_user_part_begins_no_headers() -> None:
    """RFC 3261 25.1: user-unreserved."""
    call = request(uri=b"sip:a?b@example.test")
    divert(call, CAROL, "away", 302, again=False)
    history = call.headers.get("History-Info") or b""
    assert history.startswith(b"<sip:a?b@example.test?Reason=SIP%3Bcause%3D302>;index=1,")


def test_a_second_diversion_here_is_a_sibling() -> None:
    """RFC 7044 10.3 rule 3; the newest Diversion stands on top, and the older ones stay."""
    call = request()
    divert(call, CAROL, "unconditional", 302, again=False)
    divert(call, parse_uri(b"tel:+1201"), "no-answer", 408, again=True)
    assert written(call) == [
        b"tel:+1201",
        b"Diversion: <sip:carol@example.test>;reason=no-answer;counter=1",
        b"Diversion: <sip:bob@example.test>;reason=unconditional;counter=1",
        b"History-Info: <sip:bob@example.test?Reason=SIP%3Bcause%3D302>;index=1,"
        b" <sip:carol@example.test?Reason=SIP%3Bcause%3D408>;index=1.1;mp=1,"
        b" <tel:+1201>;index=1.2;mp=1.1",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b"<sip:x@h>;index=1, <sip:bob@example.test>;index=1.1;mp=1",
            b"<sip:x@h>;index=1, <sip:bob@example.test?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1,"
            b" <sip:carol@example.test>;index=1.1.1;mp=1.1",
        ),
        (
            b'"B" <sip:bob@example.test:5060?Privacy=history>;index=1',
            b"B <sip:bob@example.test:5060?Privacy=history&Reason=SIP%3Bcause%3D302>;index=1,"
            b" <sip:carol@example.test>;index=1.1;mp=1",
        ),
        (
            b"<sip:x@h>;index=1.2",
            b"<sip:x@h>;index=1.2,"
            b" <sip:bob@example.test?Reason=SIP%3Bcause%3D302>;index=1.2.0,"
            b" <sip:carol@example.test>;index=1.2.0.1;mp=1.2.0",
        ),
        (
            b'"A > B? " <sip:bob@example.test?Reason=x>;index=1',
            b'"A > B? " <sip:bob@example.test?Reason=x>;index=1,'
            b" <sip:carol@example.test>;index=1.1;mp=1",
        ),
        (b"<sip:bob@example.test>;index=1;index=1", b"<sip:bob@example.test>;index=1;index=1"),
        (b"<garbage>;index=1", b"<garbage>;index=1"),
        (b"<sip:bob@example.test>;index=1..1", b"<sip:bob@example.test>;index=1..1"),
        (b"<sip:bob@example.test>", b"<sip:bob@example.test>"),
        (b"<sip:bob", b"<sip:bob"),
    ],
    ids=[
        "complete",
        "with headers",
        "gap",
        "has a reason",
        "twice",
        "no URI",
        "bad index",
        "no index",
        "no entry",
    ],
)
def test_what_came_is_continued(before: bytes, after: bytes) -> None:
    """RFC 7044 10.2, 10.3 rules 2 and 6; what cannot be continued is passed on as it came."""
    call = request(("History-Info", before))
    divert(call, CAROL, "unconditional", 302, again=False)
    assert call.headers.get_all("History-Info") == [after]


def test_other_requests_have_no_diversion() -> None:
    """RFC 5806 3.1: the field is for INVITE; History-Info is for all (RFC 7044 5)."""
    message = request(method="MESSAGE")
    divert(message, CAROL, "away", 480, again=False)
    assert message.headers.names == ["History-Info"]


@pytest.mark.parametrize(
    ("privacy", "full"), [(b"id;critical", True), (b"none", False), (b"HISTORY", True)]
)
def test_the_privacy_of_a_call_counts(privacy: bytes, full: bool) -> None:
    """RFC 5806 4: the field says that it may not be shown; RFC 3323 has the words."""
    call = request(("Privacy", privacy))
    divert(call, CAROL, "away", 302, again=False)
    diversion = call.headers.get("Diversion") or b""
    assert diversion.endswith(b";privacy=full") is full


@pytest.mark.parametrize(
    ("fields", "to", "expected"),
    [
        ([], b"sip:carol@example.test", False),
        ([], b"sip:bob@EXAMPLE.test:5060;transport=tcp", True),
        ([("Diversion", b"<sip:carol@example.test>;reason=away")], b"sip:carol@example.test", True),
        ([("History-Info", b"<sip:carol@example.test?Reason=x>;index=1")],
         b"sip:carol@example.test", True),
        ([("Diversion", b"<sip:a@h>, <sip:b@h>")], b"sip:carol@example.test", False),
        ([("Diversion", b"<sip:a@h>, <sip:b@h>, <tel:+1>")], b"sip:carol@example.test", True),
        ([("Diversion", b"<sip:a@h>, <sip:b@h>, <tel:+1>")], b"tel:+1", True),
        ([("Diversion", b"<sip:a@h>, <:>")], b"sip:carol@example.test", False),
        ([("Diversion", b"<sip:a"), ("Diversion", b"<sip:b"), ("Diversion", b"<sip:c")],
         b"sip:carol@example.test", False),
        ([("History-Info", b"<sip:a@h>;index=1, <sip:b@h>;mp=1, <sip:c@h>;mp=1, <sip:d@h>;mp=1")],
         b"sip:carol@example.test", True),
    ],
)  # fmt: skip
def test_diverting_comes_to_an_end(
    fields: list[tuple[str, bytes]], to: bytes, expected: bool
) -> None:
    """Three times at most here; never to whom it came from, in however many words."""
    assert is_circular(request(*fields), parse_uri(to), 3) is expected
