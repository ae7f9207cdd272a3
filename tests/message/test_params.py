"""`sipapp.message.params`: parameters of URIs and of header fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.errors import MessageError, UsageError
from sipapp.message.params import NO_PARAMS, Params

HEADER = Params(';Tag=a73 ; Quoted = "x;y=\\"1\\"";lr')
URI = Params(";%6Cr;Transport=TCP;n%61me=v%61lue%25%34%31", uri=True)

NAMES = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=8)
VALUES = st.none() | st.text("abcXYZ019-.!%*_+`'~[]:", min_size=1, max_size=8)


def test_items_keep_order_and_spelling() -> None:
    """RFC 3261 7.3.1: order and case are the sender's."""
    assert HEADER.items() == [("Tag", "a73"), ("Quoted", '"x;y=\\"1\\""'), ("lr", None)]


def test_names_are_compared_without_regard_to_case() -> None:
    """RFC 3261 7.3.1."""
    assert (HEADER.get("TAG"), HEADER.has("LR"), "quoted" in HEADER) == ("a73", True, True)


def test_a_parameter_without_value_is_there() -> None:
    """RFC 3261 25.1: generic-param = token [ EQUAL gen-value ]."""
    assert (HEADER.get("lr"), HEADER.has("lr"), HEADER.has("maddr")) == (None, True, False)


def test_a_value_of_a_header_parameter_is_unquoted_on_demand() -> None:
    """RFC 3261 25.1: quoted-string."""
    assert HEADER.unquoted("quoted") == 'x;y="1"'
    assert [HEADER.unquoted(name) for name in ("tag", "lr", "x")] == ["a73", None, None]


def test_escapes_in_a_uri_are_decoded_exactly_once() -> None:
    """RFC 4475 3.1.1.3: v%61lue%25%34%31 is value%41, not valueA; %6Cr is lr."""
    values = (URI.get("name"), URI.unquoted("name"), URI.has("lr"))
    assert values == ("v%61lue%25%34%31", "value%41", True)


def test_a_percent_sign_in_a_header_parameter_is_itself() -> None:
    """RFC 4475 3.1.1.5: escapes belong to URIs."""
    assert Params(";%6Cr").has("lr") is False


@pytest.mark.parametrize(("text", "uri"), [(";a;A=1", False), (";lr;%6C%72", True), (";a;a", True)])
def test_a_name_may_not_appear_twice(text: str, uri: bool) -> None:
    """RFC 3261 7.3.1, 19.1.1."""
    with pytest.raises(MessageError, match="Contact: a parameter appears twice"):
        Params(text, uri=uri, field="Contact").check()


def test_setting_keeps_the_place_and_the_original() -> None:
    """``with_`` gives a copy: in place if the name is known, else at the end."""
    changed = HEADER.with_("tag", "b").with_("expires", "60")
    assert str(changed) == ';tag=b;Quoted="x;y=\\"1\\"";lr;expires=60'
    assert HEADER.get("tag") == "a73"


def test_removing_keeps_the_others() -> None:
    """``without`` gives a copy; unknown names do no harm."""
    assert str(URI.without("LR", "transport", "x")) == ";n%61me=v%61lue%25%34%31"


def test_text_is_given_back_as_it_came() -> None:
    """Nobody touched it, nobody changes it."""
    text = ' ; a = "b" ;c'
    params = Params(text)
    assert (params.items(), str(params)) == ([("a", '"b"'), ("c", None)], text)


def test_no_parameters() -> None:
    """The common case costs nothing and says nothing."""
    assert (len(NO_PARAMS), list(NO_PARAMS), str(NO_PARAMS), NO_PARAMS.get("a")) == (
        0,
        [],
        "",
        None,
    )
    assert (NO_PARAMS.has("a"), bool(NO_PARAMS), bool(HEADER), len(HEADER)) == (
        False,
        False,
        True,
        3,
    )


def test_equal_text_is_equal() -> None:
    """As values go into sets and dictionaries."""
    assert {Params(";a"), Params(";a"), Params(";A")} == {Params(";a"), Params(";A")}
    assert Params(";a") != ";a"
    assert repr(Params(";a")) == "Params(';a')"


@pytest.mark.parametrize(
    ("uri", "name", "value"),
    [
        (False, "a b", None),
        (False, "", None),
        (False, "a", ""),
        (False, "a", "b;c"),
        (False, "a", "b\r\nEvil: 1"),
        (False, "a", '"open'),
        (True, "a", '"quoted"'),
        (True, "a", "%4"),
        (True, "a=", "b"),
        (True, "a", "x>y"),
    ],
)
def test_nothing_illegal_can_be_set(uri: bool, name: str, value: str | None) -> None:
    """RFC 3261 25.1: one parameter must not smuggle in another, or a header line."""
    with pytest.raises(UsageError):
        Params("", uri=uri).with_(name, value)


@given(st.dictionaries(NAMES.map(str.lower), VALUES, max_size=6))
def test_what_is_set_is_found_again(pairs: dict[str, str | None]) -> None:
    """Round trip through the text."""
    params = NO_PARAMS
    for name, value in pairs.items():
        params = params.with_(name, value)
    assert dict(Params(str(params)).items()) == pairs
