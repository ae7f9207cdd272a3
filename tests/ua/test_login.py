"""`sipapp.ua.login`: which challenge is answered, and with what (RFC 7616, RFC 8760 2.4)."""

from __future__ import annotations

import pytest

from sipapp.message.digest import parse_credentials
from sipapp.ua.auth import Authenticated, Challenged
from sipapp.ua.login import Login, answer_challenge
from tests.ua.asking import PASSWORD, REALM, Phone, World

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
MUFASA = Login("Mufasa", "http-auth@example.org", "Circle of Life")


def rfc_challenge(algorithm: str, realm: str = MUFASA.realm) -> bytes:
    """A challenge of RFC 7616 3.9.1."""
    return (
        f'Digest realm="{realm}", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{NONCE}", opaque="{OPAQUE}"'
    ).encode()


@pytest.mark.parametrize(
    ("algorithm", "proof"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_answers_of_the_rfc(algorithm: str, proof: str) -> None:
    """The two answers that RFC 7616 3.9.1 prints."""
    found = answer_challenge(
        [rfc_challenge(algorithm)], MUFASA, "GET", "/dir/index.html", cnonce=CNONCE
    )
    assert str(found) == (
        f'Digest username="Mufasa", realm="http-auth@example.org", nonce="{NONCE}", '
        f'uri="/dir/index.html", response="{proof}", algorithm={algorithm}, '
        f'qop=auth, nc=00000001, cnonce="{CNONCE}", opaque="{OPAQUE}"'
    )


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ([rfc_challenge("SHA-256"), rfc_challenge("MD5")], "SHA-256"),
        ([rfc_challenge("MD5"), rfc_challenge("SHA-256")], "MD5"),
        ([rfc_challenge("SHA-512-256"), rfc_challenge("MD5")], "SHA-512-256"),
        ([rfc_challenge("SHA-999"), b"Basic realm=x", b"Digest x", rfc_challenge("MD5")], "MD5"),
        ([rfc_challenge("SHA-256", "elsewhere"), rfc_challenge("MD5")], "MD5"),
        ([rfc_challenge("SHA-256", "elsewhere")], None),
        ([rfc_challenge("SHA-999")], None),
        ([], None),
    ],
)
def test_topmost_understood_challenge_of_our_realm_is_answered(
    values: list[bytes], chosen: str | None
) -> None:
    """The server has sorted them; other realms get nothing to work on (RFC 8760 2.4, A6)."""
    found = answer_challenge(values, MUFASA, "INVITE", "sip:bob@example.org", cnonce="c")
    assert (found.algorithm if found else None) == chosen


def test_password_does_not_show() -> None:
    """A login may end up in a log."""
    assert repr(MUFASA) == "Login(username='Mufasa', realm='http-auth@example.org')"


@pytest.mark.parametrize("integrity", [True, False])
def test_both_sides_understand_each_other(integrity: bool) -> None:
    """What we answer we accept, several times with one nonce, with a body."""
    world = World()
    phone = Phone(world)
    phone.method, phone.body = "MESSAGE", b"hello"
    challenged = phone.ask()
    assert isinstance(challenged, Challenged)
    values = [value for _, value in challenged.headers]
    if integrity:
        values = [value.replace(b'"auth"', b'"auth-int"') for value in values]
    for count in (1, 2, 3):
        credentials = answer_challenge(
            values,
            Login("alice", REALM, PASSWORD),
            phone.method,
            phone.uri,
            cnonce="c",
            count=count,
            body=phone.body,
        )
        assert parse_credentials(str(credentials).encode()) == credentials
        assert isinstance(phone.ask(str(credentials)), Authenticated)
