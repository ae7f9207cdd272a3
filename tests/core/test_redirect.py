"""The contacts of a 3xx."""

from __future__ import annotations

import pytest

from sipapp.core.redirect import redirection
from sipapp.errors import UsageError


def test_the_preferred_contact_comes_first() -> None:
    """RFC 3261 8.3, 20.10: a missing q counts as 1. [R03]"""
    fields = redirection([("sip:a@h", 0.25), "sip:b@h;transport=tcp", ("tel:+1201", 0.5)])
    assert fields == [
        ("Contact", b"<sip:b@h;transport=tcp>"),
        ("Contact", b"<tel:+1201>;q=0.5"),
        ("Contact", b"<sip:a@h>;q=0.25"),
    ]


def test_q_has_at_most_three_decimals() -> None:
    """RFC 3261 25.1: qvalue."""
    assert redirection([("sip:a@h", 1 / 3)]) == [("Contact", b"<sip:a@h>;q=0.333")]


def test_q_out_of_range_is_a_bug_of_the_caller() -> None:
    """RFC 3261 20.10."""
    with pytest.raises(UsageError, match=r"q is 1\.5, not from 0 to 1"):
        redirection([("sip:a@h", 1.5)])


def test_a_broken_uri_is_refused() -> None:
    """Nothing unparsed goes into a header field (hostile.md I5)."""
    with pytest.raises(UsageError, match="is no URI"):
        redirection(["sip:a@h>\r\nX-Injected: 1"])
