"""The redirect application, on the whole stack."""

from __future__ import annotations

import pytest

from sipapp.app.testing import Lab
from sipapp.errors import ConfigError
from sipapp_apps.redirect import Redirect

SECTION: dict[str, object] = {
    "prefix": "r.",
    "table": {"sales": ["sip:a@shop.example", "sip:b@shop.example"], "ann": "sip:ann@new.example"},
}


def asked(user: str) -> tuple[int, list[bytes]]:
    """Call a user and return the final status and the contacts."""
    with Lab(apps=["registrar", "redirect"], sections={"redirect": SECTION}) as lab:
        lab.registered("bob")
        alice = lab.phone("alice")
        invite = alice.invite(user)
        lab.advance()
        (response,) = alice.inbox
        alice.acknowledge_failure(invite, response)  # type: ignore[arg-type]
        lab.advance(40)
        return response.status, response.headers.get_all("Contact")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("user", "status", "contacts"),
    [
        ("sales", 302, [b"<sip:a@shop.example>", b"<sip:b@shop.example>"]),
        ("ann", 302, [b"<sip:ann@new.example>"]),
        ("r.bob", 302, [b"<sip:bob@198.51.100.1:5060>;q=1"]),
        ("r.nobody", 404, []),
        ("bob", 404, []),
    ],
)
def test_who_is_redirected(user: str, status: int, contacts: list[bytes]) -> None:
    """RFC 3261 8.3: from the table, from the location service, or passed on. [R03][C03]"""
    assert asked(user) == (status, contacts)


def test_every_mistake_of_the_section_is_told() -> None:
    """Before the server starts."""
    section = {"prefix": 5, "table": {"a": 7, "b": [], "c": "nowhere"}, "tabel": {}}
    with pytest.raises(ConfigError) as caught:
        Redirect(None, section)  # type: ignore[arg-type]
    assert [str(problem) for problem in caught.value.problems] == [
        'app.redirect.table.a: 7 is no URI; write it as "sip:user@example.com"',
        "app.redirect.table.c: 'nowhere' is no URI; write it as \"sip:user@example.com\"",
        "app.redirect.prefix: is no text; write it in quotes",
        "app.redirect.tabel: is no key here; use table or prefix",
    ]
