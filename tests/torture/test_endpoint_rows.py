"""The ``registrar`` and ``uas`` columns: messages that are meant for the server itself.

The server that gets a message is responsible for the domain in its Request-URI. The registrar is
the one that comes with sipapp; ``uas`` is tried on a user agent server written as an application
of a few lines, as anybody might, so that the stack around it is what the table judges. Rows of
responses are covered by the ``proxy`` column: there is one way to drop them.
"""

from __future__ import annotations

from typing import Any

import pytest

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall
from sipapp.message.message import Request
from sipapp.message.parser import MalformedMessage, parse_message
from sipapp.message.uri import SipUri
from tests.torture.rows import ROWS, Row, each_row
from tests.torture.scene import Torture, tortured

KNOWN = "INVITE ACK CANCEL BYE OPTIONS REGISTER SUBSCRIBE NOTIFY MESSAGE".split()

BEFORE_ANY_APPLICATION = {"zeromf.dat": "483"}
"""Max-Forwards is checked before it is known whether an application will forward or answer."""


class Endpoint(Application):
    """A user agent server that speaks SDP."""

    async def call(self, call: ICall) -> None:
        await self.request(call)

    async def request(self, call: ICall) -> None:
        headers = call.request.headers
        accepted = headers.elements("Accept")
        content = headers.get("Content-Type") or b"application/sdp"
        if call.request.method not in KNOWN:
            await call.respond(501, headers=[("Allow", b"INVITE, OPTIONS, MESSAGE")])
        elif call.request.method == "REGISTER":
            await call.respond(405, headers=[("Allow", b"INVITE, OPTIONS, MESSAGE")])
        elif call.request.to_tag is not None and call.request.method == "BYE":
            await call.respond(481)
        elif content.lower() != b"application/sdp":
            await call.respond(415, headers=[("Accept", b"application/sdp")])
        elif call.request.method == "INVITE" and accepted and b"application/sdp" not in accepted:
            await call.respond(406)
        else:
            await call.respond(200)


def responsible(row: Row) -> dict[str, Any]:
    """A server for the domain in the Request-URI, or one that listens on the address there."""
    try:
        request = parse_message(row.octets)
    except MalformedMessage:
        return {"domain": "example.com"}
    uri = request.uri if isinstance(request, Request) else None
    if not isinstance(uri, SipUri):
        return {"domain": "example.com"}
    if ":" not in uri.host:
        return {"domain": uri.host}
    listen = ["udp:5060:interface=192.0.2.10", "tcp:5060:interface=192.0.2.10"]
    listen.append(f"udp:{uri.port or 5060}:interface=[{uri.host}]")
    return {"domain": "example.com", "hosts": ["192.0.2.10", uri.host], "listen": listen}


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@each_row(
    lambda row: (row.registrar != {"-"} and row.stream == "frame") or row.file == "dblreq.dat"
)
def test_registrar(row: Row, transport: str) -> None:
    """RFC 4475, 5118: registered, or refused, as the table allows [R05] [T05]."""
    with tortured(row, transport=transport, apps=["registrar"], **responsible(row)) as scene:
        assert scene.outcome in row.registrar
        assert scene.lab.server.transport.counters.failures == 0


@each_row(lambda row: "401" in row.registrar)
def test_registrar_that_asks_who_it_is(row: Row) -> None:
    """RFC 3261 22.2: with digest each of them is challenged, an unknown scheme as well."""
    users = {"user": "secret"}
    with tortured(row, apps=["registrar"], users=users, **responsible(row)) as scene:
        assert scene.outcome == "401"
        assert b"\r\nWWW-Authenticate: Digest " in scene.answers[0]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@each_row(lambda row: row.uas != {"drop"} and row.file not in BEFORE_ANY_APPLICATION)
def test_user_agent_server(row: Row, transport: str) -> None:
    """RFC 4475, 5118: answered by the stack, or by the application behind it [R02] [M03]."""
    with tortured(row, transport=transport, apps=[Endpoint], **responsible(row)) as scene:
        allowed = row.uas | ({"200"} if "2543" in row.uas else set())
        if transport == "TCP":
            allowed |= {"400-then-close": {"400"}, "wait-then-close": {"drop"}}.get(
                row.stream, set()
            )
        assert scene.outcome in allowed
        assert scene.forwarded == []


def test_what_is_decided_before_any_application() -> None:
    """RFC 3261 16.3 step 3: the one row where the stack is stricter than an endpoint must be."""
    for row in ROWS:
        if row.file in BEFORE_ANY_APPLICATION:
            with tortured(row, apps=[Endpoint], **responsible(row)) as scene:
                assert scene.outcome == BEFORE_ANY_APPLICATION[row.file]


def registered(name: str) -> Torture:
    """A scene in which the registrar took a message, for its answer."""
    [row] = [row for row in ROWS if row.file == name]
    with tortured(row, apps=["registrar"], **responsible(row)) as scene:
        return scene


@pytest.mark.parametrize(
    ("name", "contacts"),
    [
        ("cparam01.dat", [b"<sip:+19725552222@gw1.example.net>"]),
        ("cparam02.dat", [b"<sip:+19725552222@gw1.example.net;unknownparam>"]),
        ("regescrt.dat", [b"<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"]),
        ("dblreq.dat", [b"<sip:j.user@host.example.com>"]),
        ("escnull.dat", [b"<sip:%00@host5.example.com>", b"<sip:%00%00@host5.example.com>"]),
    ],
)
def test_bindings_come_back_as_they_were(name: str, contacts: list[bytes]) -> None:
    """RFC 4475 3.1.1.4, 3.3.12 to 3.3.14: parameters stay inside or outside the URI [R05]."""
    response = parse_message(registered(name).answers[0])
    told = [value.partition(b";expires")[0] for value in response.headers.elements("Contact")]
    assert [value.partition(b">")[0] + b">" for value in told] == contacts


def test_an_unknown_scheme_of_credentials_is_kept_by_nobody() -> None:
    """RFC 4475 3.3.7: without digest it is ignored, and not an error."""
    assert registered("regaut01.dat").outcome == "200"
