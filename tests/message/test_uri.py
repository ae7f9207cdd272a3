"""`sipapp.message.uri`: sip and sips URIs, and what all URIs share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.errors import MessageError, UsageError
from sipapp.message.escape import escape_user, unescape
from sipapp.message.params import Params
from sipapp.message.uri import SipUri, parse_uri


def sip(text: str) -> SipUri:
    """A URI that has to be a SIP one."""
    uri = parse_uri(text.encode())
    assert isinstance(uri, SipUri)
    return uri


def parts(uri: SipUri) -> tuple[object, ...]:
    """All that a SIP URI says."""
    host = (uri.host, uri.port, str(uri.params), uri.headers_text)
    return (uri.scheme, uri.user, uri.password, *host)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "sip:user:password@host:5067;uri=parameters?head=ers",
            ("sip", "user", "password", "host", 5067, ";uri=parameters", "head=ers"),
        ),
        (
            "sip:vijay.gurbani@nokia.com:5067",
            ("sip", "vijay.gurbani", None, "nokia.com", 5067, "", ""),
        ),
        (
            "sip:vijay.gurbani:passwd@nokia.com",
            ("sip", "vijay.gurbani", "passwd", "nokia.com", None, "", ""),
        ),
        ("SIPS:a:@H", ("sips", "a", "", "h", None, "", "")),
        ("sip:host", ("sip", None, None, "host", None, "", "")),
        ("sip:host:5060", ("sip", None, None, "host", 5060, "", "")),
        (
            "sip:alice:secretword@atlanta.com;transport=tcp",
            ("sip", "alice", "secretword", "atlanta.com", None, ";transport=tcp", ""),
        ),
        (
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            ("sips", "alice", None, "atlanta.com", None, "", "subject=project%20x&priority=urgent"),
        ),
        (
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            ("sip", "+1-212-555-1212", "1234", "gateway.com", None, ";user=phone", ""),
        ),
        ("sips:1212@gateway.com", ("sips", "1212", None, "gateway.com", None, "", "")),
        ("sip:alice@192.0.2.4", ("sip", "alice", None, "192.0.2.4", None, "", "")),
        (
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            ("sip", None, None, "atlanta.com", None, ";method=REGISTER", "to=alice%40atlanta.com"),
        ),
        (
            "sip:alice;day=tuesday@atlanta.com",
            ("sip", "alice;day=tuesday", None, "atlanta.com", None, "", ""),
        ),
        ("sip:a;?&=+$,/@h", ("sip", "a;?&=+$,/", None, "h", None, "", "")),
        ("sip:x?y=z@h?a=b", ("sip", "x?y=z", None, "h", None, "", "a=b")),
        ("sip:null-%00-null@h", ("sip", "null-%00-null", None, "h", None, "", "")),
        ("sip:h;lr;p[]/:&+$=v[]/:&+$", ("sip", None, None, "h", None, ";lr;p[]/:&+$=v[]/:&+$", "")),
        ("sip:h?a=&b=[]/?:+$", ("sip", None, None, "h", None, "", "a=&b=[]/?:+$")),
        ("sip:h:0", ("sip", None, None, "h", 0, "", "")),
        ("sip:h:65535", ("sip", None, None, "h", 65535, "", "")),
    ],
)
def test_every_part_is_found(text: str, expected: tuple[object, ...]) -> None:
    """[T03] RFC 3261 19.1.1, with the examples of 19.1.3 and of the talk."""
    assert parts(sip(text)) == expected
    assert str(sip(text)) == text


def test_a_password_is_legal_but_kept_out_of_logs() -> None:
    """[E15] [T03] RFC 3261 19.1.1: NOT RECOMMENDED; it is forwarded and never printed."""
    uri = sip("sip:user:passwd@host;user=passwd")
    assert str(uri) == "sip:user:passwd@host;user=passwd"
    assert (uri.redacted(), repr(uri)) == (
        "sip:user:***@host;user=passwd",
        "SipUri('sip:user:***@host;user=passwd')",
    )
    assert sip("sip:user@host").redacted() == "sip:user@host"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("sip:[2001:db8::10]", "2001:db8::10", None),
        ("sip:[2001:db8::10:5070]", "2001:db8::10:5070", None),
        ("sip:[2001:db8::10]:5070", "2001:db8::10", 5070),
        ("sip:ted@[::ffff:192.0.2.2]", "::ffff:192.0.2.2", None),
        ("sip:user@[2001:db8:::192.0.2.1]", "2001:db8::c000:201", None),
    ],
)
def test_ipv6_needs_brackets_and_they_decide(text: str, host: str, port: int | None) -> None:
    """[T05] RFC 5118 4.1, 4.3, 4.4, 4.9, 4.10."""
    assert (sip(text).host, sip(text).port, str(sip(text))) == (host, port, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sip",
        "sip:",
        "sip:@host",
        "sip:user@",
        "sip:user@:5060",
        "sip:user@host:",
        "sip:user@host:65536",
        "sip:user@host:5a60",
        "sip:user@host:-1",
        "sip:user@host:99999999999999999999",
        "sip:2001:db8::10",
        "sip:[2001:db8::10",
        "sip:[2001:db8::1%25eth0]",
        "sip:bob@444.555.666.777",
        "sip:bob@192.00.2.128",
        "sip:bob@-host",
        "sip:bob@ho%73t",
        "sip:b@b@host",
        "sip:a:b:c@host",
        "sip:us er@host",
        " sip:user@host",
        "sip:user@host ",
        "sip:user@host\r\nVia: x",
        "sip:user@host\x00",
        "sip:us\x7fer@host",
        "<sip:user@host>",
        'sip:"user"@host',
        "sip:us\u00e9r@host",
        "sip:us[er@host",
        "sip:us%4r@host",
        "sip:us%zzr@host",
        "sip:user@host;",
        "sip:user@host;;lr",
        "sip:user@host;=1",
        "sip:user@host;a=",
        "sip:user@host;a=b=c",
        "sip:user@host;a=%",
        "sip:user@host;lr;LR",
        "sip:user@host;%6Cr;lr",
        "sip:user@host?",
        "sip:user@host?a",
        "sip:user@host?=b",
        "sip:user@host?a=b&",
        "sip:user@host?a=<b>",
        "tel:",
        "tel:+",
        "tel:+abc",
        "tel:---",
        "tel:123 456",
        "tel:1;ext=1;ext=2",
        "tel:1;phone-context=-",
        "tel:1;a=%g1",
        "1http:x",
        "http:",
        "http:a%",
        "http:a#b",
        "urn service:sos",
    ],
)
def test_what_breaks_the_grammar_is_refused(text: str) -> None:
    """RFC 3261 25.1, RFC 3966 3, RFC 5954 4.1, RFC 5118 4.2, RFC 4475 3.1.2.7 and 3.1.2.8."""
    with pytest.raises(MessageError) as caught:
        parse_uri(text.encode(), "Refer-To")
    assert (caught.value.field, caught.value.status_hint) == ("Refer-To", 400)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"sip:us er@host", "blank, control, quote or angle bracket in the URI"),
        (b"sip:host:65536", "not a valid sip URI"),
        (b"sips:host;lr;lr", "a parameter appears twice"),
        (b"h\xfftp:", "not a valid URI"),
    ],
)
def test_the_error_names_no_octet_of_the_peer(data: bytes, reason: str) -> None:
    """The text may become a reason phrase."""
    with pytest.raises(MessageError) as caught:
        parse_uri(data)
    assert str(caught.value) == f"Request-URI: {reason}"


EQUIVALENT = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=off"),
    # RFC 5954 4.2
    ("sip:bob@[::ffff:192.0.2.128]", "sip:bob@[::ffff:c000:280]"),
    ("sip:bob@[2001:db8::9:1]", "sip:bob@[2001:db8::9:01]"),
    ("sip:bob@[0:0:0:0:0:FFFF:129.144.52.38]", "sip:bob@[::FFFF:129.144.52.38]"),
    # ours
    ("sip:a%2fb@h", "sip:a%2Fb@h"),
    ("sip:h;%6Cr", "sip:h;lr"),
    ("sip:h?Subject=A%62c", "sip:h?subject=abC"),
    ("tel:+1-201-555-0123", "tel:+12015550123"),
    ("tel:7042;phone-context=Example.COM", "tel:70-42;phone-context=example.com"),
    ("tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555"),
    ("tel:+1;b=2;ext=1-2", "tel:+1;EXT=12;B=2"),
    ("tel:*2A#;phone-context=a.b", "TEL:*2a#;PHONE-CONTEXT=A.B"),
    ("urn:service:s%6Fs", "URN:service:sos"),
]

DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    # ours
    ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
    ("sip:bob@biloxi.com", "sip:biloxi.com"),
    ("sip:bob:x@biloxi.com", "sip:bob@biloxi.com"),
    ("sip:bob:x@biloxi.com", "sip:bob:X@biloxi.com"),
    ("sip:a%2Fb@h", "sip:a/b@h"),
    ("sip:null-%00-null@h", "sip:null-@h"),
    ("sip:%00@host5.example.com", "sip:%00%00@host5.example.com"),
    ("sip:b@h;user=phone", "sip:b@h"),
    ("sip:b@h;ttl=1", "sip:b@h"),
    ("sip:b@h;method=INVITE", "sip:b@h"),
    ("sip:b@h;maddr=239.255.255.1", "sip:b@h"),
    ("sip:b@h?a=1&a=2", "sip:b@h?a=1"),
    ("sip:b@[::1]", "sip:b@[::2]"),
    ("tel:+12015550123", "tel:12015550123"),
    ("tel:7042;phone-context=a.com", "tel:7042;phone-context=b.com"),
    ("tel:7042;phone-context=a.com", "tel:7042"),
    ("tel:+1", "tel:+1;ext=1"),
    ("tel:+1", "sip:+1@h"),
    ("sip:h", "tel:1"),
    ("urn:service:sos", "urn:service:SOS"),
    ("urn:service:sos", "tel:112"),
]


@pytest.mark.parametrize(("one", "other"), EQUIVALENT)
def test_equivalent_uris_match(one: str, other: str) -> None:
    """RFC 3261 19.1.4, RFC 5954 4.2, RFC 3966 4: the tables of the text, then cases of ours."""
    first, second = parse_uri(one.encode()), parse_uri(other.encode())
    assert (first.matches(second), second.matches(first)) == (True, True)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_uris_do_not_match(one: str, other: str) -> None:
    """RFC 3261 19.1.4, RFC 3966 4: the tables of the text, then cases of ours."""
    first, second = parse_uri(one.encode()), parse_uri(other.encode())
    assert (first.matches(second), second.matches(first)) == (False, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:alice@AtLanTa.CoM", "sip:alice@atlanta.com"),
        ("sips:%61lice@atlanta.com", "sips:alice@atlanta.com"),
        ("sip:alice:pin@atlanta.com:5060;user=phone?a=b", "sip:alice@atlanta.com"),
        ("sip:bob@example.com.", "sip:bob@example.com"),
        ("sip:j%40s0n@h", "sip:j%40s0n@h"),
        ("sip:a%3bb%2c@h", "sip:a;b,@h"),
        ("sip:null-%00-null@h", "sip:null-%00-null@h"),
        ("sip:%c3%a9@h", "sip:%C3%A9@h"),
        ("sip:%ff@h", "sip:%FF@h"),
        ("sip:%2541@h", "sip:%2541@h"),
        ("sip:sips%3Auser%40example.com@example.net", "sip:sips%3Auser%40example.com@example.net"),
        ("sip:b@[2001:DB8::0:1]:5060", "sip:b@[2001:db8::1]"),
        ("sip:example.com;lr", "sip:example.com"),
    ],
)
def test_the_address_of_record_is_canonical(text: str, expected: str) -> None:
    """RFC 3261 10.3 step 5; RFC 4475 3.1.1.3 and 3.1.1.4 (escapes once, no cut at NUL)."""
    assert sip(text).aor() == expected
    assert sip(expected).aor() == expected


def test_a_dot_at_the_end_of_a_host_means_nothing() -> None:
    """RFC 3261 25.1, hostname: it is legal and kept on the wire; the host is the same without."""
    uri = sip("sip:bob@Example.com.:5060")
    assert (uri.host, str(uri)) == ("example.com", "sip:bob@Example.com.:5060")
    assert uri.matches(sip("sip:bob@example.com:5060"))
    assert str(uri.replace(port=None)) == "sip:bob@example.com"


def test_the_user_is_shown_with_escapes_decoded_once() -> None:
    """RFC 3261 19.1.2; RFC 4475 3.1.1.3."""
    users = [sip(f"sip:{user}@h").plain_user for user in ("sips%3Auser%40x", "%2541", "%C3%A9")]
    assert (users, sip("sip:h").plain_user) == (["sips:user@x", "%41", "\u00e9"], None)


def test_headers_are_kept_decoded_and_removable() -> None:
    """RFC 3261 19.1.5; RFC 4475 3.1.2.11 and 3.3.14."""
    uri = sip("sip:user@example.com;lr?Route=%3Csip:example.com%3E&a=")
    assert uri.headers == [("Route", "<sip:example.com>"), ("a", "")]
    assert str(uri.without_headers()) == "sip:user@example.com;lr"
    bare = sip("sip:user@example.com")
    assert (bare.headers, bare.without_headers() is bare) == ([], True)


def test_parameters_are_those_of_the_uri() -> None:
    """RFC 3261 19.1.1; escaped names count (RFC 4475 3.1.1.3)."""
    params = sip("sip:h;%6Cr;transport=TCP").params
    assert (params.has("lr"), params.get("transport"), len(sip("sip:h").params)) == (True, "TCP", 0)


def test_parts_make_a_uri() -> None:
    """Built, printed and read again it is the same."""
    params = Params(uri=True).with_("transport", "tcp").with_("lr")
    uri = SipUri("sip", "bob", None, "2001:DB8::1", 5070, params, "a=b")
    assert str(uri) == "sip:bob@[2001:db8::1]:5070;transport=tcp;lr?a=b"
    assert uri == sip(str(uri))
    assert hash(uri) == hash(sip(str(uri)))


def test_replacing_parts_gives_a_copy() -> None:
    """Values are never changed in place."""
    uri = sip("sip:bob:pw@Example.com:5060;lr?a=b")
    other = uri.replace(host="192.0.2.1", port=None, params=uri.params.without("lr"))
    assert (str(other), str(uri)) == (
        "sip:bob:pw@192.0.2.1?a=b",
        "sip:bob:pw@Example.com:5060;lr?a=b",
    )
    assert str(uri.replace(headers="")) == "sip:bob:pw@example.com:5060;lr"


@pytest.mark.parametrize(
    ("user", "host", "port", "params"),
    [
        ("a@b", "h", None, ""),
        ("a:b", "h", None, ""),
        ("", "h", None, ""),
        ("a", "h;lr", None, ""),
        ("a", "h\r\nEvil: 1", None, ""),
        ("a", "", None, ""),
        ("a", "h", 65536, ""),
        ("a", "h", -5, ""),
        ("a", "h", None, "?a=b"),
        (None, "a@h", None, ""),
    ],
)
def test_no_part_smuggles_another(user: str | None, host: str, port: int, params: str) -> None:
    """What we build ourselves obeys RFC 3261 25.1, too."""
    with pytest.raises(UsageError):
        SipUri("sip", user, None, host, port, params)


def test_equality_is_of_spelling_and_matching_of_meaning() -> None:
    """``==`` is for dictionaries and tests, ``matches`` for the protocol."""
    one, other = sip("sip:%61@h"), sip("sip:a@h")
    assert (one == other, one.matches(other), sip("sip:a@H") == other) == (False, True, True)
    assert one != "sip:%61@h"
    assert len({parse_uri(text) for text in (b"tel:+1", b"sip:+1@h", b"urn:a", b"urn:a")}) == 3


USER = st.text("azAZ09-_.!~*'()&=+$,;?/", max_size=6)
ESCAPED = st.lists(USER | st.integers(0, 255).map("%{:02x}".format), min_size=1, max_size=4)
HOSTS = st.sampled_from(["h", "Example.COM", "a-b.c9.", "192.0.2.1", "[2001:db8::1]", "[::1]"])
PORTS = st.none() | st.integers(0, 65535)


@given(ESCAPED.map("".join).filter(bool), HOSTS, PORTS)
def test_printing_gives_back_what_was_parsed(user: str, host: str, port: int | None) -> None:
    """RFC 3261 25.1: byte for byte; the canonical form is a fixed point and matches by value."""
    text = f"sip:{user}@{host}" + (f":{port}" if port is not None else "") + ";lr"
    uri = sip(text)
    assert (str(uri), uri.user, uri.port) == (text, user, port)
    assert uri.matches(uri)
    assert sip(uri.aor()).aor() == uri.aor()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_user_can_be_escaped(user: str) -> None:
    """RFC 3261 19.1.2."""
    uri = SipUri("sip", escape_user(user), None, "h")
    assert (uri.plain_user, unescape(escape_user(user))) == (user, user)


@given(st.binary(max_size=40))
def test_any_octets_give_a_uri_or_a_message_error(data: bytes) -> None:
    """Nothing else may come out of a packet."""
    try:
        uri = parse_uri(b"sip:" + data)
    except MessageError:
        return
    assert str(uri).encode() == b"sip:" + data


@pytest.mark.parametrize(
    "data",
    [
        b"sip:a@b" + b";a" * 20_000,
        b"sip:" + b"%41" * 20_000 + b"!",
        b"sip:" + b"a." * 30_000,
        b"sip:" + b"a:" * 30_000,
        b"sip:" + b"a@" * 30_000,
        b"sip:[" + b":" * 60_000 + b"]",
        b"tel:" + b"-" * 60_000,
        b"<" * 20_000,
    ],
)
def test_long_nonsense_is_refused_in_one_pass(data: bytes) -> None:
    """64 KiB of anything: a rule that backtracks would not come back."""
    with pytest.raises(MessageError):
        parse_uri(data)
