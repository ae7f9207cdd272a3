"""The registrar and its surroundings: NAT, limits, slow and failing stores, torture messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from sipapp.message.message import Request, Response
from sipapp.message.uri import SipUri
from sipapp.store.pigeon import Loft, PigeonLocationStore, Weather
from tests.core.registrar_desk import ALICE, Desk, answer, parsed, register

TORTURE = Path(__file__).parents[1] / "torture"


BEHIND = "sip.example.com:5060 192.0.2.7 5060"


@pytest.mark.parametrize(
    ("transport", "via", "contact", "received"),
    [
        ("UDP", "192.0.2.7", "sip:a@192.0.2.7:6060", ""),
        ("UDP", "192.0.2.7", "sip:a@203.0.113.5:5060", ""),
        ("UDP", "10.0.0.8", "sip:a@10.0.0.8:5060", f"UDP {BEHIND}"),
        ("UDP", "[2001:db8::1]", "sip:a@[2001:db8::1]", f"UDP {BEHIND}"),
        ("UDP", "10.0.0.8", "sip:a@203.0.113.5", ""),
        ("UDP", "gw1.example.net", "sip:a@gw1.example.net", ""),
        ("TCP", "192.0.2.7", "sip:a@192.0.2.7;transport=tcp", ""),
        ("TLS", "10.0.0.8", "sips:a@10.0.0.8", f"TLS {BEHIND}"),
        ("WS", "x7fg2.invalid", "sip:a@x7fg2.invalid;transport=ws", f"WS {BEHIND}"),
        ("UDP", "192.0.2.7", "tel:+12015550123", ""),
    ],
)
def test_bindings_remember_the_flow_they_came_over(
    transport: str, via: str, contact: str, received: str
) -> None:
    """RFC 5626 3.1, 7118 5: what a NAT rewrote leads nowhere without its flow; nor a connection."""
    desk = Desk()
    flow = desk.flow_of(transport)
    line = f"Via: SIP/2.0/{transport} {via};branch=z9hG4bK1"
    desk.ask(register(f"Contact: <{contact}>", via=line), flow)
    (binding,) = desk.store.lookup(ALICE)
    assert binding.received == received
    assert binding.flow is (flow if flow.reliable else None)


@pytest.mark.parametrize(
    "hops",
    [
        {"via": "Via: SIP/2.0/TCP p;branch=z9hG4bK2, SIP/2.0/UDP 10.0.0.8;branch=z9hG4bK1"},
        {"via": "Via: SIP/2.0/TCP p;branch=z9hG4bK2\r\nVia: SIP/2.0/UDP q;branch=z9hG4bK1"},
    ],
)
def test_the_flow_of_a_proxy_is_not_that_of_the_phone(hops: dict[str, Any]) -> None:
    """RFC 5626 6: with more than one Via the registrar is not the first hop."""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@10.0.0.8>", **hops), desk.flow_of("TCP"))
    (binding,) = desk.store.lookup(ALICE)
    assert (binding.received, binding.flow) == ("", None)


def test_too_many_contacts_in_one_request() -> None:
    """hostile.md E12: refused before anything is stored."""
    desk = Desk()
    contacts = ", ".join(f"<sip:{n}@h.example>" for n in range(21))
    assert desk.status(f"Contact: {contacts}") == (403, "Too Many Contacts")
    long = "x" * 2048
    assert desk.status(f"Contact: <sip:{long}@h.example>") == (403, "Contact Too Long")
    path = f"Path: <sip:{long}@h.example;lr>"
    contact = "Contact: <sip:a@h.example>"
    assert desk.status(contact, "Supported: path", path) == (403, "Path Too Long")
    assert desk.store.count == 0


def test_too_many_bindings_of_one_user() -> None:
    """hostile.md E12: 403; what is registered stays."""
    desk = Desk()
    desk.ask(register("Contact: " + ", ".join(f"<sip:{n}@h.example>" for n in range(3))))
    response = desk.ask(register("Contact: <sip:3@h.example>", cseq=2))
    assert response.to_bytes() == answer("403 Forbidden", cseq=2)
    assert len(desk.contacts()) == 3


def test_the_user_agent_is_kept_for_people() -> None:
    """Up to 80 characters of it; whatever octets it has."""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@h.example>", "User-Agent: " + "x" * 100))
    assert [binding.user_agent for binding in desk.store.lookup(ALICE)] == ["x" * 80]


def pigeon_desk(loss: float) -> Desk:
    """A registrar whose store is one second away, each way, if at all."""
    weather = Weather(fastest=1.0, slowest=1.0, loss=loss, patience=10.0)
    desk = Desk(
        lambda clock: PigeonLocationStore(Loft(), clock=clock, random=lambda: 0.5, weather=weather)
    )
    desk.clock.advance(2)  # until the store has started
    return desk


def asked(desk: Desk, request: Request) -> list[Response]:
    """Register; the list gets the response when it comes."""
    answers: list[Response] = []
    done = Deferred.fromCoroutine(desk.registrar.register(request, desk.flow))
    done.addCallback(answers.append)
    return answers


def test_the_answer_waits_until_the_binding_is_durable() -> None:
    """design.md decision 10: never a 200 for what is not stored. [R06]"""
    desk = pigeon_desk(loss=0)
    answers = asked(desk, register("Contact: <sip:a@h.example>"))
    desk.clock.advance(1.0)
    assert (answers, desk.contacts()) == ([], [])
    desk.clock.advance(1.0)
    assert [response.status for response in answers] == [200]
    assert desk.contacts() == ["sip:a@h.example"]


def test_a_store_that_does_not_answer_is_503() -> None:
    """hostile.md F4: in bounded time, Retry-After drawn from 5 to 30 s, nothing changed. [R06]"""
    desk = pigeon_desk(loss=1.0)
    answers = asked(desk, register("Contact: <sip:a@h.example>"))
    desk.clock.pump([0.5] * 50)
    assert [response.to_bytes() for response in answers] == [
        answer("503 Service Unavailable", "Retry-After: 18")
    ]
    assert desk.contacts() == []


def test_racing_requests_of_one_phone_are_served_in_order() -> None:
    """10.3: in the order received, each on what the one before has left. [R06]"""
    desk = pigeon_desk(loss=0)
    contact = "Contact: <sip:a@h.example>"
    answers = [
        asked(desk, register(contact, cseq=1)),
        asked(desk, register(contact, cseq=3)),
        asked(desk, register(contact, cseq=2)),
    ]
    desk.clock.pump([0.5] * 20)
    assert [response.status for one in answers for response in one] == [200, 200, 500]
    assert [binding.cseq for binding in desk.store.lookup(ALICE)] == [3]


def torture(name: str) -> tuple[Desk, Response]:
    """Register with a torture message at a desk for its domain."""
    desk = Desk()
    return desk, desk.ask(parsed((TORTURE / "rfc4475" / f"{name}.dat").read_bytes()))


@pytest.mark.parametrize(
    ("name", "contacts"),
    [
        ("cparam01", [b"<sip:+19725552222@gw1.example.net>;unknownparam;expires=3600"]),
        ("cparam02", [b"<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600"]),
        ("regescrt", [b"<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;expires=3600"]),
        (
            "escnull",
            [b"<sip:%00@host5.example.com>;expires=3600",
             b"<sip:%00%00@host5.example.com>;expires=3600"],
        ),
    ],
)  # fmt: skip
def test_torture_registrations_come_back_as_they_were(name: str, contacts: list[bytes]) -> None:
    """RFC 4475 3.3.12, 3.3.13, 3.3.14, 3.1.1.4."""
    _, response = torture(name)
    assert (response.status, response.headers.get_all("Contact")) == (200, contacts)


def test_torture_null_is_part_of_the_user() -> None:
    """RFC 4475 3.1.1.4: the address-of-record is not cut at its NUL."""
    desk, _ = torture("escnull")
    user = SipUri("sip", "null-%00-null", None, "example.com").aor()
    assert len(desk.store.lookup(user)) == 2
    assert desk.store.lookup("sip:null-@example.com") == ()


@pytest.mark.parametrize("name", ["regbadct", "unksm2"])
def test_torture_registrations_that_are_refused(name: str) -> None:
    """RFC 4475 3.1.2.13, 3.3.4: answered 400, nothing stored."""
    desk, response = torture(name)
    assert (response.status, desk.store.count) == (400, 0)
