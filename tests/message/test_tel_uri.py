"""`sipapp.message.tel_uri` and the other URIs that are not SIP ones."""

from __future__ import annotations

import pytest

from sipapp.errors import UsageError
from sipapp.message.uri import AbsoluteUri, TelUri, parse_uri


def tel(text: str) -> TelUri:
    """A URI that has to be a tel one."""
    uri = parse_uri(text.encode())
    assert isinstance(uri, TelUri)
    return uri


def test_tel_uri_parts() -> None:
    """RFC 3966 3, 5.1."""
    uri = tel("tel:863-1234;isub=12/34?,@;phone-context=+1-914-555")
    assert (uri.scheme, uri.number, uri.digits, uri.is_global, uri.context) == (
        "tel",
        "863-1234",
        "8631234",
        False,
        "+1914555",
    )
    assert uri.params.items() == [("isub", "12/34?,@"), ("phone-context", "+1-914-555")]
    assert (str(uri), uri.redacted()) == (str(uri), str(uri))
    assert repr(tel("tel:112")) == "TelUri('tel:112')"


def test_tel_uri_canonical_form() -> None:
    """RFC 3966 4 and 5.1.5: the number, and its context if it is local."""
    assert [tel(text).aor() for text in ("tel:+1(201)555.0123;ext=1", "tel:112")] == [
        "tel:+12015550123",
        "tel:112",
    ]
    assert tel("tel:70-42;phone-context=A.com").aor() == "tel:7042;phone-context=a.com"


def test_tel_uri_is_checked_when_built() -> None:
    """RFC 3966 3."""
    assert TelUri("+1-2") == tel("tel:+1-2")
    assert len({TelUri("+1-2"), tel("tel:+1-2")}) == 1
    with pytest.raises(UsageError):
        TelUri("+1>")


@pytest.mark.parametrize(
    ("text", "scheme", "rest"),
    [
        (
            "nobodyKnowsThisScheme:totallyopaquecontent",
            "nobodyknowsthisscheme",
            "totallyopaquecontent",
        ),
        ("soap.beep://192.0.2.103:3002", "soap.beep", "//192.0.2.103:3002"),
        ("isbn:2983792873", "isbn", "2983792873"),
        ("http://www.example.com", "http", "//www.example.com"),
        ("urn:service:sos", "urn", "service:sos"),
    ],
)
def test_other_uris_are_kept(text: str, scheme: str, rest: str) -> None:
    """RFC 4475 3.3.2 to 3.3.4: whoever needs a SIP URI answers 416 or 404, the parser does not."""
    uri = parse_uri(text.encode())
    assert isinstance(uri, AbsoluteUri)
    assert (uri.scheme, uri.rest, str(uri)) == (scheme, rest, text)


def test_other_uris_hide_passwords_too() -> None:
    """RFC 3986 3.2.1."""
    assert (
        repr(AbsoluteUri("ftp", "//me:secret@host/a:b@c"))
        == "AbsoluteUri('ftp://me:***@host/a:b@c')"
    )
    assert AbsoluteUri("urn", "a:b@c").redacted() == "urn:a:b@c"
    assert len({AbsoluteUri("urn", "a"), parse_uri(b"urn:a")}) == 1
    with pytest.raises(UsageError):
        AbsoluteUri("sip", "a b")
