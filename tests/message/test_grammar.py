"""`sipapp.message.grammar`: the lexical rules of RFC 3261 section 25."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.message.grammar import (
    WORD,
    canonical_address,
    canonical_host,
    decode_wire,
    encode_wire,
    is_quoted_string,
    is_token,
    quote,
    rule,
    unfold,
    unquote,
    wire_rule,
)

TOKEN_OCTETS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~"


def test_a_token_is_made_of_exactly_these_characters() -> None:
    """RFC 3261 25.1: token."""
    assert {chr(i) for i in range(256) if is_token(chr(i))} == set(TOKEN_OCTETS)


def test_a_token_is_not_empty() -> None:
    """RFC 3261 25.1: 1*."""
    assert not is_token("")


def test_a_word_adds_most_separators() -> None:
    """RFC 3261 25.1: word; the Call-ID of RFC 4475 3.1.1.2 uses them all."""
    word = rule(WORD)
    added = set('()<>:\\"/[]?{}')
    assert {chr(i) for i in range(256) if word.fullmatch(chr(i))} == set(TOKEN_OCTETS) | added


def test_a_rule_compiles_for_bytes_too() -> None:
    """The envelope is read as bytes."""
    assert wire_rule(WORD).fullmatch(b"word%ZK-!.*_+'") is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('""', True),
        ('"a b\tc"', True),
        (r'"\"\\"', True),
        ('"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f"', True),
        ('"\u03c0\u03c1"', True),
        ('"', False),
        ("a", False),
        ('"a', False),
        ('"a\\"', False),
        ('"a"b', False),
        ('"a\nb"', False),
        ('"a\\\r"', False),
        ('"\x00"', False),
        ('"\x7f"', False),
    ],
)
def test_quoted_string(text: str, expected: bool) -> None:
    """RFC 3261 25.1: controls and quotes inside one are escaped, line ends cannot be."""
    assert is_quoted_string(text) is expected


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_quoting_and_unquoting_give_the_text_back(text: str) -> None:
    """RFC 3261 25.1: quoted-pair."""
    quoted = quote(text)
    assert (is_quoted_string(quoted), unquote(quoted)) == (True, text)


def test_quoting_makes_line_ends_harmless() -> None:
    """RFC 3261 25.1: CR and LF cannot be escaped; nothing quoted may start a header line."""
    assert quote("a\r\nVia: b") == '"a  Via: b"'


def test_what_is_not_quoted_is_its_own_value() -> None:
    """RFC 3261 25.1: gen-value is a token, a host or a quoted string."""
    assert [unquote(text) for text in ("", '"', "a\\b")] == ["", '"', "a\\b"]


@given(st.binary())
def test_wire_octets_survive_as_text(value: bytes) -> None:
    """[B04] Also octets that are no UTF-8 come back exactly."""
    assert encode_wire(decode_wire(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a b", b"a b"),
        (b"a\r\n b", b"a b"),
        (b"a\r\n\t\t b", b"a b"),
        (b"a\n b", b"a b"),
        (b"a\r\nb", b"a\r\nb"),
        (b"a\rb", b"a\rb"),
    ],
)
def test_unfolding_leaves_one_space(value: bytes, expected: bytes) -> None:
    """[W03] A line that does not start with a blank is no continuation (RFC 3261 7.3.1)."""
    assert unfold(value) == expected


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("a", "a"),
        ("a-1.b2", "a-1.b2"),
        ("1.2.3.4.e164", "1.2.3.4.e164"),
        ("docker_sip_1", "docker_sip_1"),
        ("192.0.2.4", "192.0.2.4"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("[2001:db8::9:01]", "2001:db8::9:1"),
        ("[::ffff:192.0.2.128]", "::ffff:192.0.2.128"),
        ("[::ffff:c000:280]", "::ffff:192.0.2.128"),
        ("[0:0:0:0:0:FFFF:129.144.52.38]", "::ffff:129.144.52.38"),
        ("[2001:db8:::192.0.2.1]", "2001:db8::c000:201"),
        ("[2001:db8::192.0.2.1]", "2001:db8::c000:201"),
        ("444.555.666.777", None),
        ("192.0.2", None),
        ("192.00.2.1", None),
        ("192.0.2.1.", None),
        ("1", None),
        ("-a.com", None),
        ("a-.com", None),
        ("a..com", None),
        (".", None),
        ("", None),
        ("a b", None),
        ("2001:db8::1", None),
        ("[2001:db8::1", None),
        ("[2001:db8::1%eth0]", None),
        ("[2001::db8::1]", None),
        ("[::::]", None),
        ("[192.0.2.1]", None),
        ("[]", None),
    ],
)
def test_hosts_have_one_spelling(spelled: str, canonical: str | None) -> None:
    """[T05] RFC 3261 25.1, RFC 5954 4.1 and 4.2, RFC 5118 4.10 (three colons)."""
    assert canonical_host(spelled) == canonical


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        ("192.0.2.5", "192.0.2.5"),
        ("2001:DB8::9:255", "2001:db8::9:255"),
        ("[2001:db8::9:255]", "2001:db8::9:255"),
        ("256.0.2.5", None),
        ("example.com", None),
        ("2001:db8::g", None),
        ("2001:db8::1%1", None),
        ("", None),
    ],
)
def test_addresses_have_one_spelling(spelled: str, canonical: str | None) -> None:
    """[T05] RFC 3261 25.1 via-received; brackets as in RFC 5118 4.5."""
    assert canonical_address(spelled) == canonical
