"""`sipapp.message.fields`: name-addr, CSeq and lists. Via: ``test_via.py``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.errors import MessageError
from sipapp.message.fields import CSeq, NameAddr, parse_cseq, parse_name_addr, split_list
from sipapp.message.grammar import encode_wire
from sipapp.message.uri import SipUri, parse_uri


class NameAddrTests:
    """RFC 3261 20.10, 25.1: name-addr / addr-spec."""

    @pytest.mark.parametrize(
        ("value", "name", "uri", "params"),
        [
            (b"<sip:a@b>", "", "sip:a@b", []),
            (b"sip:a@b", "", "sip:a@b", []),
            (b"A. G. Bell <sip:a@b>;tag=1", "A. G. Bell", "sip:a@b", [("tag", "1")]),
            (b"caller<sip:a@b>;tag=323", "caller", "sip:a@b", [("tag", "323")]),
            (b'"Bob" <sip:a@b>', "Bob", "sip:a@b", []),
            (b'"Bob"<sip:a@b>', "Bob", "sip:a@b", []),
            (b'""<sip:a@b>', "", "sip:a@b", []),
            (b'"a, <b>; \\"c\\" \\\\" <sip:a@b>', 'a, <b>; "c" \\', "sip:a@b", []),
            (b'"%Z%45" <sip:a@b>', "%Z%45", "sip:a@b", []),
            (
                b"token1~` token2'+_ token3*%!.- <sip:a@b>",
                "token1~` token2'+_ token3*%!.-",
                "sip:a@b",
                [],
            ),
            (b'\t<sip:a@b> ; x ; y = "z;" ', "", "sip:a@b", [("x", None), ("y", '"z;"')]),
            (b"sip:a@b ;   tag    = 19n", "", "sip:a@b", [("tag", "19n")]),
            (
                b"sip:+19725552222@gw1.example.net;unknownparam",
                "",
                "sip:+19725552222@gw1.example.net",
                [("unknownparam", None)],
            ),
            (
                b"<sip:+19725552222@gw1.example.net;unknownparam>",
                "",
                "sip:+19725552222@gw1.example.net;unknownparam",
                [],
            ),
            (b"<sip:a@b?Route=%3Csip:c%3E>;q=0.5", "", "sip:a@b?Route=%3Csip:c%3E", [("q", "0.5")]),
            (b"<sip:u;par=1@b,c>", "", None, []),
            (b"<name:John_Smith>", "", "name:John_Smith", []),
            (b"isbn:2983792873", "", "isbn:2983792873", []),
            (
                b"<sip:a@[2001:db8::1]>;received=[::1]",
                "",
                "sip:a@[2001:db8::1]",
                [("received", "[::1]")],
            ),
        ],
    )
    def test_parts(
        self, value: bytes, name: str, uri: str | None, params: list[tuple[str, str | None]]
    ) -> None:
        """RFC 4475 3.1.1.1 to 3.1.1.6, 3.3.12 to 3.3.14: params after a bare address are ours."""
        address = parse_name_addr(value, "Contact")
        assert (address.display_name, address.params.items()) == (name, params)
        assert encode_wire(str(address)) == value.strip()
        if uri is not None:
            assert str(address.uri) == uri

    def test_the_mimicry_slide_parses(self) -> None:
        """[E14] No blank between display name and bracket: RFC 4475 3.1.1.6 orders to accept it."""
        address = parse_name_addr(b"Alice W<sip:alice@example.com>;tag=9fxced76sl", "From")
        assert (address.display_name, address.tag) == ("Alice W", "9fxced76sl")

    @pytest.mark.parametrize(
        ("value", "name"),
        [
            ('"J\u00fcrgen" <sip:a@b>'.encode(), "J\u00fcrgen"),
            ("J\u00fcrgen M <sip:a@b>".encode(), "J\u00fcrgen M"),
            (b'"\xff\xfe" <sip:a@b>;x="\xff"', "\udcff\udcfe"),
        ],
    )
    def test_display_names_survive_byte_for_byte(self, value: bytes, name: str) -> None:
        """[B04] UTF-8, quoted or (tolerated) not, and octets that are no UTF-8."""
        address = parse_name_addr(value, "From")
        assert (address.display_name, encode_wire(str(address))) == (name, value)

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"<>",
            b"<sip:a@b",
            b"sip:a@b>",
            b"<<sip:a@b>>",
            b"<sip:a@b><sip:c@d>",
            b'"Mr. J. User <sip:j.user@example.com>',
            b'Mr" <sip:a@b>',
            b'"a"b <sip:a@b>',
            b'"a\\" <sip:a@b>',
            b"Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
            b"< sip:t.watson@example.org >",
            b"<sip:a b@c>",
            b"a@b <sip:a@b>",
            b"sip:user@example.com?Route=%3Csip:sip.example.com%3E",
            b"sip:a@b,c",
            b"sip:a@b, sip:c@d",
            b'"Joe" <sip:joe@example.org>;;;;',
            b"<sip:a@b>;",
            b"<sip:a@b>;tag=",
            b"<sip:a@b>;tag=a b",
            b"<sip:a@b>;=a",
            b"<sip:a@b>;a=<b>",
            b'<sip:a@b>;a="b',
            b"<sip:a@b> x",
            b"sip:a@b x",
            b"a",
            b"*",
        ],
    )
    def test_what_breaks_the_grammar_is_refused(self, value: bytes) -> None:
        """RFC 4475 3.1.2.1, 3.1.2.6, 3.1.2.13 to 3.1.2.15; RFC 3261 20.10."""
        with pytest.raises(MessageError, match=r"^Contact: not a valid address$"):
            parse_name_addr(value, "Contact")

    @pytest.mark.parametrize("field", ["Route", "Record-Route", "Path", "Service-Route"])
    def test_routes_need_brackets(self, field: str) -> None:
        """RFC 3261 25.1: route-param = name-addr; RFC 3327, 3608."""
        with pytest.raises(MessageError, match=rf"^{field}: the address needs angle brackets$"):
            parse_name_addr(b"sip:a@b;lr", field)
        assert parse_name_addr(b"<sip:a@b;lr>", field).uri == parse_uri(b"sip:a@b;lr")

    def test_the_uri_is_parsed_when_asked_for(self) -> None:
        """A proxy does not look at most of them, so a bad one hurts only who needs it."""
        address = parse_name_addr(b"<sip:a@444.555.666.777>;tag=1", "To")
        assert address.tag == "1"
        with pytest.raises(MessageError, match=r"^To: not a valid sip URI$"):
            _ = address.uri

    @pytest.mark.parametrize(
        ("params", "tag"),
        [
            (b"", None),
            (b";tag=a6c85cf", "a6c85cf"),
            (b";tag=a6c85cf ", "a6c85cf"),
            (b";x=y;TAG=a", "a"),
            (b" ; tag = a ; x", "a"),
            (b";tag=_token~1'+`*%!-.", "_token~1'+`*%!-."),
            (b";xtag=1", None),
        ],
    )
    def test_the_tag(self, params: bytes, tag: str | None) -> None:
        """RFC 3261 19.3, 25.1: tag-param; its name compares without regard to case."""
        assert parse_name_addr(b"<sip:a@b>" + params, "To").tag == tag

    @pytest.mark.parametrize(
        "params", [b";tag", b';tag="a"', b";tag=a:b", b";tag=a;tag=b", b";tag=[]"]
    )
    def test_a_bad_tag_is_refused(self, params: bytes) -> None:
        """RFC 3261 25.1: tag-param = "tag" EQUAL token, and no parameter twice (7.3.1)."""
        with pytest.raises(MessageError, match=r"^To: (bad tag|a parameter appears twice)$"):
            _ = parse_name_addr(b"<sip:a@b>" + params, "To").tag

    def test_a_tag_is_added_at_the_end(self) -> None:
        """RFC 3261 8.2.6.2: what the peer wrote stays as it was."""
        one = parse_name_addr(b'"B" <sip:b@h;lr> ;x=y', "To").with_tag("77")
        two = parse_name_addr(b"sip:b@h", "To").with_tag("77")
        assert (str(one), str(two), two.tag) == (
            '"B" <sip:b@h;lr>;x=y;tag=77',
            "sip:b@h;tag=77",
            "77",
        )

    def test_parts_make_an_address(self) -> None:
        """Names that are more than a token are quoted."""
        uri = SipUri("sip", "b", None, "h", params=";lr")
        texts = [str(NameAddr(uri, name)) for name in ("", "Bob", 'B "x", y')]
        assert texts == ["<sip:b@h;lr>", "Bob <sip:b@h;lr>", '"B \\"x\\", y" <sip:b@h;lr>']
        assert NameAddr(uri, 'B "x", y').display_name == 'B "x", y'
        assert NameAddr(uri) == parse_name_addr(b"<sip:b@h;lr>", "To")
        assert len({NameAddr(uri), parse_name_addr(b"<sip:b@h;lr>", "To")}) == 1
        assert NameAddr(uri) != "<sip:b@h;lr>"

    def test_nothing_secret_is_printed_for_debugging(self) -> None:
        """The URI may hold a password (RFC 3261 19.1.1)."""
        assert repr(parse_name_addr(b"B <sip:b:pw@h>", "To")) == "NameAddr(To, 'B')"

    def test_folding_is_undone(self) -> None:
        """[W03] RFC 3261 7.3.1; the talk's wrapped lines, joined as legal folding."""
        address = parse_name_addr(b'"J Rosenberg"\r\n       <sip:j@h>\r\n  ;\r\n  tag = 98', "From")
        assert (str(address.uri), address.tag) == ("sip:j@h", "98")

    @given(st.text(st.characters(exclude_characters="\r\n")))
    def test_any_name_survives_the_wire(self, name: str) -> None:
        """[B04] Printed and parsed it is the same text."""
        name = name.encode("utf-8", "replace").decode()
        wire = encode_wire(str(NameAddr(parse_uri(b"sip:b@h"), name)))
        assert parse_name_addr(wire, "To").display_name == name

    @given(st.binary(max_size=40))
    def test_any_octets_give_an_address_or_a_message_error(self, value: bytes) -> None:
        """Nothing else may come out of a packet."""
        try:
            address = parse_name_addr(value + b"<sip:a@b>", "To")
        except MessageError:
            return
        assert (address.uri, address.tag) == (parse_uri(b"sip:a@b"), None)


class CSeqTests:
    """RFC 3261 20.16."""

    @pytest.mark.parametrize(
        ("value", "number", "method"),
        [
            (b"1 INVITE", 1, "INVITE"),
            (b" 0009\r\n  INVITE ", 9, "INVITE"),
            (b"0 ACK", 0, "ACK"),
            (b"4294967295 BYE", 2**32 - 1, "BYE"),
            (b"1\tRE%47IST%45R", 1, "RE%47IST%45R"),
            (
                b"139122385 !interesting-Method0123456789_*+`.%indeed'~",
                139122385,
                "!interesting-Method0123456789_*+`.%indeed'~",
            ),
        ],
    )
    def test_number_and_method(self, value: bytes, number: int, method: str) -> None:
        """RFC 4475 3.1.1.1, 3.1.1.2, 3.1.1.5 (escapes mean nothing in a method)."""
        assert parse_cseq(value) == CSeq(number, method)

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"1",
            b"INVITE",
            b"1INVITE",
            b"-1 INVITE",
            b"+1 INVITE",
            b"1.0 INVITE",
            b"0x1 INVITE",
            b"\xb2 INVITE",
            b"1 INVITE x",
            b"1 IN@VITE",
            b"1 \xff",
            b"4294967296 INVITE",
            b"36893488147419103232 REGISTER",
            b"9" * 5000 + b" INVITE",
        ],
    )
    def test_what_breaks_the_grammar_is_refused(self, value: bytes) -> None:
        """RFC 4475 3.1.2.4 and 3.1.2.5: above 2**32 - 1 is an error, never an overflow."""
        with pytest.raises(MessageError, match=r"^CSeq: "):
            parse_cseq(value)

    def test_printing(self) -> None:
        """Canonical: no leading zeros, one space."""
        cseq = parse_cseq(b"007  INVITE")
        assert (str(cseq), len({cseq, CSeq(7, "INVITE")})) == ("7 INVITE", 1)


class SplitListTests:
    """RFC 3261 7.3.1: a comma is the same as another line of that name."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (b"", []),
            (b" \t", []),
            (b"a", [b"a"]),
            (b" a ,\tb,c d ", [b"a", b"b", b"c d"]),
            (b"<sip:a@b,c>,<sip:d@e>", [b"<sip:a@b,c>", b"<sip:d@e>"]),
            (b'"a,b" <sip:a@b>, "\\",\\"" <c:d>', [b'"a,b" <sip:a@b>', b'"\\",\\"" <c:d>']),
            (b'a;b="x,y", c', [b'a;b="x,y"', b"c"]),
            (b'"<",">"', [b'"<"', b'">"']),
            (b'"\xff\x00,", b', [b'"\xff\x00,"', b"b"]),
        ],
    )
    def test_elements(self, value: bytes, expected: list[bytes]) -> None:
        """[W04] Joined or on lines of their own, the values are the same."""
        assert split_list(value) == expected

    @pytest.mark.parametrize(
        "value",
        [
            b",",
            b"a,",
            b",a",
            b"a,,b",
            b"a, ,b",
            b'"a',
            b'"a\\"',
            b"<a",
            b"a>",
            b"<a<b>>",
            b'a"',
            b"<a,>,",
        ],
    )
    def test_empty_elements_and_open_ends_are_refused(self, value: bytes) -> None:
        """RFC 3261 25.1; RFC 4475 3.1.2.1, 3.1.2.6."""
        with pytest.raises(MessageError) as caught:
            split_list(value)
        assert caught.value.status_hint == 400

    @pytest.mark.parametrize("element", [b"a", b"<a>"])
    def test_the_number_of_elements_is_limited(self, element: bytes) -> None:
        """One packet must not become a thousand values."""
        value = b",".join([element] * 5)
        assert split_list(value, limit=5) == [element] * 5
        with pytest.raises(MessageError) as caught:
            split_list(value, limit=4)
        assert caught.value.status_hint == 513

    @given(st.lists(st.text('ab"\\,<>', max_size=5), max_size=8))
    def test_joined_quoted_strings_come_apart_again(self, texts: list[str]) -> None:
        """[W04] Whatever stands inside the quotes."""
        quoted = [
            b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"' for text in texts
        ]
        assert split_list(b" , ".join(quoted)) == quoted


@pytest.mark.parametrize(
    "value",
    [
        b'"' + b"\\x" * 30_000,
        b"<sip:a@b>" + b";a" * 20_000 + b"@",
        b"<" * 20_000,
        b" " * 60_000 + b"x",
        b"a " * 30_000 + b"<sip:a@b",
        b'"a"' * 20_000,
        b"0" * 60_000 + b" x@",
    ],
)
def test_long_nonsense_is_refused_in_one_pass(value: bytes) -> None:
    """64 KiB of anything: a rule that backtracks would not come back."""
    with pytest.raises(MessageError):
        parse_name_addr(value, "To")
    with pytest.raises(MessageError):
        parse_cseq(value)
    with pytest.raises(MessageError):
        split_list(value + b",")


def test_twenty_thousand_parameters_are_refused_when_looked_at() -> None:
    """They are one name twice; the grammar alone would let them pass."""
    address = parse_name_addr(b"<sip:a@b>" + b";a" * 20_000, "To")
    with pytest.raises(MessageError):
        _ = address.tag
