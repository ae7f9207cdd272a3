"""The header list: canonical names, list semantics, and edits that leave the rest alone."""

from __future__ import annotations

import pytest

from sipapp.errors import MessageError
from sipapp.message.headers import KNOWN_NAMES, Headers, canonical


def headers(*lines: bytes) -> Headers:
    """A header list of these lines."""
    return Headers([canonical(line.partition(b":")[0]) for line in lines], list(lines))


class CanonicalTests:
    """How names compare."""

    @pytest.mark.parametrize(
        ("short", "name"),
        [
            ("v", "Via"), ("f", "From"), ("t", "To"), ("i", "Call-ID"), ("m", "Contact"),
            ("l", "Content-Length"), ("c", "Content-Type"), ("s", "Subject"), ("k", "Supported"),
            ("e", "Content-Encoding"), ("r", "Refer-To"), ("b", "Referred-By"), ("o", "Event"),
            ("u", "Allow-Events"), ("x", "Session-Expires"), ("y", "Identity"),
            ("a", "Accept-Contact"), ("j", "Reject-Contact"), ("d", "Request-Disposition"),
        ],
    )  # fmt: skip
    def test_compact_forms(self, short: str, name: str) -> None:
        """RFC 3261 7.3.3 and the RFCs that registered later ones. [W02]"""
        assert canonical(short.encode()) == canonical(short.upper().encode()) == name

    @pytest.mark.parametrize("name", KNOWN_NAMES)
    def test_case_does_not_matter(self, name: str) -> None:
        """RFC 3261 7.3.1."""
        spellings = {name, name.lower(), name.upper(), name.swapcase()}
        assert {canonical(spelling.encode()) for spelling in spellings} == {name}

    def test_blanks_before_the_colon_are_allowed(self) -> None:
        """RFC 3261 25.1: HCOLON = *( SP / HTAB ) ":" SWS. [W03]"""
        assert canonical(b"v \t") == "Via"

    def test_unknown_names_are_capitalised(self) -> None:
        """Two spellings of one unknown field are the same field."""
        assert canonical(b"x-INTERNAL") == canonical(b"X-Internal") == "X-Internal"

    @pytest.mark.parametrize("name", [b"", b" ", b"Conta ct", b"Vi a", b"X\x00", b"X\xff", b"a(b"])
    def test_what_is_no_token_is_refused(self, name: bytes) -> None:
        """RFC 3261 25.1: header-name is a token."""
        with pytest.raises(MessageError, match="is not a token"):
            canonical(name)


class ReadingTests:
    """Values."""

    def test_the_first_line_with_its_name(self) -> None:
        """As it came; None where there is none."""
        found = headers(b"To: x", b"v  : b ", b"Via: a")
        assert (found.line("Via"), found.line("From")) == (b"v  : b ", None)

    def test_first_value_and_all_values(self) -> None:
        """Lines of one name keep their order, whatever they are called. [W02]"""
        found = headers(b"Via: a", b"To: x", b"v  : b")
        assert (found.get("Via"), found.get_all("Via"), found.get("From")) == (
            b"a",
            [b"a", b"b"],
            None,
        )

    def test_comma_joined_and_repeated_lines_are_one_list(self) -> None:
        """RFC 3261 7.3.1. [W04]"""
        joined = headers(b'Contact: "a, b" <sip:a@h>, <sip:b@h>')
        repeated = headers(b'Contact: "a, b" <sip:a@h>', b"m: <sip:b@h>")
        assert joined.elements("Contact") == repeated.elements("Contact")
        assert joined.elements("Contact") == [b'"a, b" <sip:a@h>', b"<sip:b@h>"]

    def test_a_list_has_a_limit(self) -> None:
        """A list longer than anybody needs is an attack."""
        with pytest.raises(MessageError, match="more than 2 values"):
            headers(b"Via: a", b"Via: b", b"Via: c").elements("Via", limit=2)


class EditingTests:
    """Changes."""

    def test_set_keeps_the_place_and_drops_repetitions(self) -> None:
        """One field, one line."""
        changed = headers(b"A: 1", b"Subject: x", b"B: 2", b"s: y")
        changed.set("Subject", b"z")
        assert changed.lines == [b"A: 1", b"Subject: z", b"B: 2"]

    def test_set_adds_at_the_end(self) -> None:
        """A new field goes last."""
        changed = headers(b"A: 1")
        changed.set("Subject", b"z")
        assert changed.lines == [b"A: 1", b"Subject: z"]

    def test_insert_goes_before_the_first_of_its_name_or_on_top(self) -> None:
        """Via and Record-Route grow upwards."""
        changed = headers(b"A: 1", b"Via: a")
        changed.insert("Via", b"b")
        changed.insert("Record-Route", b"<sip:p>")
        assert changed.lines == [b"Record-Route: <sip:p>", b"A: 1", b"Via: b", b"Via: a"]

    def test_remove_tells_how_many(self) -> None:
        """Every spelling of the name goes (hostile.md P17)."""
        changed = headers(b"X-Internal : 1", b"A: 1", b"x-internal:2")
        assert (changed.remove("X-Internal"), changed.lines) == (2, [b"A: 1"])

    def test_pop_first_takes_a_line_or_an_element(self) -> None:
        """The topmost Via may share its line."""
        changed = headers(b"Via: a, b", b"Via: c")
        changed.pop_first("Via", b"b")
        changed.pop_first("Via")
        assert changed.lines == [b"Via: c"]

    def test_a_copy_is_independent(self) -> None:
        """Forwarding changes the copy only."""
        first = headers(b"A: 1")
        second = first.copy()
        second.add("B", b"2")
        assert (first.lines, first == second, "B" in second) == ([b"A: 1"], False, True)
