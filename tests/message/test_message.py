"""What a message is asked for, and the responses that are made from it."""

from __future__ import annotations

import pytest

from sipapp.errors import UsageError
from sipapp.message.message import Request, response_to
from sipapp.message.parser import parse_message


def request(to_tag: bytes) -> Request:
    """A request whose To ends in ``to_tag``."""
    message = parse_message(
        b"OPTIONS sip:b@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        b"From: <sip:a@example.test>;tag=1\r\nTo: <sip:b@example.test>" + to_tag + b"\r\n"
        b"Call-ID: c1\r\nCSeq: 7 OPTIONS\r\n\r\n"
    )
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b";tag=new"),
        (b";tag=b", b";tag=b"),
        (b";tag=a;tag=b", b";tag=a;tag=b"),
        (b';tag="q"', b';tag="q"'),
        (b";tag", b";tag"),
    ],
)
def test_an_answer_never_fails_on_a_broken_to_tag(sent: bytes, answered: bytes) -> None:
    """RFC 3261 8.2.6.2: To is copied, and gets a tag only if there was none."""
    assert response_to(request(sent), 400, to_tag="new").to_bytes() == (
        b"SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        b"From: <sip:a@example.test>;tag=1\r\nTo: <sip:b@example.test>" + answered + b"\r\n"
        b"Call-ID: c1\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("reason", "extra"),
    [
        ("No\r\nEvil: 1", []),
        ("No\nEvil: 1", []),
        (None, [("Subject", b"a\r\nEvil: 1")]),
        (None, [("Subject", b"a\nEvil: 1")]),
        (None, [("Subject", b"a\rEvil: 1")]),
        (None, [("Subject: a\r\nEvil", b"1")]),
    ],
)
def test_nobody_smuggles_header_fields_into_an_answer(
    reason: str | None, extra: list[tuple[str, bytes]]
) -> None:
    """What an application puts there may come from a stranger."""
    with pytest.raises(UsageError):
        response_to(request(b""), 400, reason, extra=extra)
