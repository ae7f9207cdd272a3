"""What of a 3xx is followed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sipapp.core.recursion import MOST_TARGETS, Recursion
from sipapp.core.target import Target
from sipapp.message.headers import Headers
from sipapp.message.message import Request, Response
from sipapp.message.uri import parse_uri


def moved(*contacts: bytes) -> Response:
    """A 302 to these contacts."""
    headers = Headers([], [])
    for contact in contacts:
        headers.add("Contact", contact)
    return Response(302, "Moved", headers)


def followed(
    *contacts: bytes,
    uri: bytes = b"sip:b@h",
    tried: bytes = b"sip:old@h",
    is_user: Callable[[Target], bool] = lambda target: False,
) -> list[list[str]]:
    """The groups of URIs that are tried."""
    request = Request("INVITE", uri, Headers([], []))
    recursion = Recursion(request, [[Target(parse_uri(tried))]], is_user)
    return [[str(target.uri) for target in group] for group in recursion(moved(*contacts))]


def test_contacts_are_tried_in_the_order_of_q() -> None:
    """RFC 3261 16.7 step 4, 20.10: equal q at once, without q as 1. [R01]"""
    groups = followed(b"<sip:c@h>;q=0.2", b"<sip:a@h>", b"<sip:b@h>;q=1.0", b"<sip:d@h>;q=x")
    assert groups == [["sip:a@h", "sip:b@h"], ["sip:c@h"], ["sip:d@h"]]


def test_nothing_is_tried_twice() -> None:
    """RFC 3261 16.5: a URI is in the target set once; URI headers are not sent (19.1.5)."""
    assert followed(b"<sip:old@h>", b"<sip:a@h>", b"<sip:a@H?Subject=x>") == [["sip:a@h"]]


def test_users_of_ours_are_left_to_the_caller() -> None:
    """Who calls them anew meets what applications do for them; the others are followed."""
    carol = parse_uri(b"sip:carol@h")
    found = followed(b"<sip:carol@h>", b"<sip:a@h>", is_user=lambda target: target.uri == carol)
    assert found == [["sip:a@h"]]


@pytest.mark.parametrize(
    "contacts", [(b"*",), (b"<tel:+1201>",), (b"<sip:a@h", b"<sip:b@h>"), (b"<sip:@>",), ()]
)
def test_what_cannot_be_followed_is_an_answer(contacts: tuple[bytes, ...]) -> None:
    """Also a broken Contact, which must not end in an error of ours."""
    assert followed(*contacts) == []


def test_sips_is_not_left() -> None:
    """RFC 3261 16.7 step 4: a sips request never recurses to a sip contact."""
    assert followed(b"<sip:a@h>", b"<sips:b@h>", uri=b"sips:b@h") == [["sips:b@h"]]


def test_redirections_come_to_an_end() -> None:
    """Two new contacts a time would double for ever (RFC 5393)."""
    recursion = Recursion(Request("INVITE", b"sip:b@h", Headers([], [])), [], lambda target: False)
    added = 0
    for round_ in range(20):
        contacts = [b"<sip:u%d-%d@h>" % (round_, each) for each in range(3)]
        added += sum(map(len, recursion(moved(*contacts))))
    assert added == MOST_TARGETS
