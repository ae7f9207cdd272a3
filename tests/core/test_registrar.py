"""REGISTER step by step: whole requests in, whole responses out. RFC: 3261 10.3, 3327, 3608."""

from __future__ import annotations

from typing import Any

import pytest

from sipapp.core.location import Binding
from sipapp.core.registration import RegistrarLimits
from tests.core.registrar_desk import ALICE, DATE, Desk, answer, register


def test_a_new_binding_is_listed_with_its_time() -> None:
    """RFC 3261 10.3 step 8: Contact with expires, and Date. [M01][R05]"""
    desk = Desk()
    response = desk.ask(register("Contact: <sip:alice@192.0.2.7>"))
    contact = "Contact: <sip:alice@192.0.2.7>;expires=3600"
    assert response.to_bytes() == answer("200 OK", contact, DATE)
    assert desk.store.lookup(ALICE) == (
        Binding("sip:alice@192.0.2.7", call_id="c1", cseq=1, expires_at=3600.0),
    )


def test_the_answer_lists_all_bindings_of_the_user() -> None:
    """10.2.3, 10.3 step 8: whoever asks sees what others registered, with the time left. [R05]"""
    desk = Desk()
    desk.ask(register('Contact: <sip:a@192.0.2.7>;q=0.25;methods="INVITE, ACK";x'))
    desk.clock.advance(600)
    desk.ask(register("Contact: <sip:b@192.0.2.7>;expires=100;q=1.000", call_id="c2"))
    response = desk.ask(register(cseq=7, call_id="c3"))
    assert response.to_bytes() == answer(
        "200 OK",
        "Contact: <sip:b@192.0.2.7>;q=1;expires=100",
        'Contact: <sip:a@192.0.2.7>;q=0.25;methods="INVITE, ACK";x;expires=3000',
        DATE,
        cseq=7,
        call_id="c3",
    )


def test_a_query_of_nobody_is_an_empty_list() -> None:
    """10.2.3: no Contact in, none out, nothing stored."""
    desk = Desk()
    assert desk.ask(register()).to_bytes() == answer("200 OK", DATE)
    assert desk.store.count == 0


def test_a_refresh_replaces_the_whole_binding() -> None:
    """10.3 step 7: the same contact with a higher CSeq; parameters, q and time are the new ones."""
    desk = Desk()
    desk.ask(register("Contact: <sip:alice@192.0.2.7>;q=0.1;x=1"))
    desk.clock.advance(1800)
    desk.ask(register("Contact: <sip:alice@192.0.2.7>;y=2", "Expires: 600", cseq=2))
    assert desk.store.lookup(ALICE) == (
        Binding("sip:alice@192.0.2.7", call_id="c1", cseq=2, expires_at=2400.0, params=";y=2"),
    )


@pytest.mark.parametrize(
    ("known", "refreshed"),
    [
        ("sip:alice@192.0.2.7", "sip:%61lice@192.0.2.7"),
        ("sip:alice@Host.example.org;lr;a=1", "sip:alice@HOST.example.org;a=1;lr"),
        ("sip:alice@[2001:db8::9:1]", "sip:alice@[2001:db8::0009:0001]"),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
    ],
)
def test_contacts_are_compared_as_uris(known: str, refreshed: str) -> None:
    """10.3 step 7 with 19.1.4, 5954 4.2, 3966 4: another spelling refreshes the binding."""
    desk = Desk()
    desk.ask(register(f"Contact: <{known}>"))
    desk.ask(register(f"Contact: <{refreshed}>", cseq=2))
    assert desk.contacts() == [refreshed]


def test_other_contacts_stand_beside_it() -> None:
    """19.1.4: another user, port or transport is another contact; a request may name several."""
    desk = Desk()
    uris = ["sip:alice@h.example", "sip:alice@h.example:5060", "sip:alice@h.example;transport=tcp"]
    assert desk.status("Contact: " + ", ".join(f"<{uri}>" for uri in uris)) == (200, "OK")
    assert desk.contacts() == uris


def test_a_contact_named_twice_is_taken_once() -> None:
    """One binding, as named last; the request is not out of order with itself."""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@h.example>;q=0.1", "Contact: <sip:%61@h.example>;q=0.2"))
    assert [(b.contact, b.q) for b in desk.store.lookup(ALICE)] == [("sip:%61@h.example", 200)]


def test_expires_zero_removes_one_binding() -> None:
    """10.2.2; a contact that is not there may be removed as well."""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@h.example>, <sip:b@h.example>"))
    gone = "Contact: <sip:a@h.example>;expires=0, <sip:c@h.example>;expires=0"
    response = desk.ask(register(gone, cseq=2))
    contact = "Contact: <sip:b@h.example>;expires=3600"
    assert response.to_bytes() == answer("200 OK", contact, DATE, cseq=2)


def test_star_removes_all() -> None:
    """10.3 step 6: `Contact: *` with Expires 0, also bindings of other Call-IDs. [R05]"""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@h.example>"))
    desk.ask(register("Contact: <sip:b@h.example>", call_id="c2", cseq=9))
    response = desk.ask(register("Contact: *", "Expires: 0", cseq=2))
    assert response.to_bytes() == answer("200 OK", DATE, cseq=2)
    assert desk.store.count == 0


@pytest.mark.parametrize(
    "fields",
    [
        ("Contact: *",),
        ("Contact: *", "Expires: 1"),
        ("Contact: *", "Expires: soon"),
        ("Contact: *, <sip:a@h.example>", "Expires: 0"),
        ("Contact: <sip:a@h.example>", "Contact: *", "Expires: 0"),
        ("Contact: *;expires=0",),
        ("Contact:",),
        ("Contact: <sip:@>;expires=;q=9",),
        ("Contact: <sip:a@h.example>;q=1.001",),
        ("Contact: <sip:a@h.example>;q",),
        ("Contact: <sip:a@h.example>;q=0.1234",),
        ("Contact: <sip:a@h.example>;q=-1",),
        ("Contact: sip:a@h.example?Route=%3Csip:b%3E",),
        ("Contact: <sip:a@h.example>;x=1;x=2",),
        ("Contact: <sip:a@h.example>", "Supported: path", "Path: <sip:p.example.com;lr"),
    ],
)
def test_broken_requests_are_answered_400_and_change_nothing(fields: tuple[str, ...]) -> None:
    """10.3 step 6 (the star alone and with Expires 0), 20.10, 25.1. [R05]"""
    desk = Desk()
    desk.ask(register("Contact: <sip:before@h.example>", call_id="c0"))
    assert desk.status(*fields)[0] == 400
    assert desk.contacts() == ["sip:before@h.example"]


@pytest.mark.parametrize("cseq", [4, 5])
@pytest.mark.parametrize(
    "fields",
    [
        ("Contact: <sip:a@h.example>",),
        ("Contact: <sip:new@h.example>, <sip:a@h.example>;expires=0",),
        ("Contact: *", "Expires: 0"),
    ],
)
def test_an_overtaken_request_changes_nothing(fields: tuple[str, ...], cseq: int) -> None:
    """10.3 steps 6 and 7: same Call-ID, CSeq not higher: all of it fails, with a 500. [R05]"""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@h.example>", cseq=5))
    desk.ask(register("Contact: <sip:b@h.example>", cseq=1, call_id="c2"))
    before = desk.store.lookup(ALICE)
    response = desk.ask(register(*fields, cseq=cseq))
    assert response.to_bytes() == answer("500 CSeq Out Of Order", cseq=cseq)
    assert desk.store.lookup(ALICE) == before


def test_another_call_id_has_another_order() -> None:
    """10.3 step 7: a phone that restarted begins anew with any CSeq."""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@h.example>", cseq=500))
    assert desk.status("Contact: <sip:a@h.example>", cseq=1, call_id="c2") == (200, "OK")
    assert [(b.call_id, b.cseq) for b in desk.store.lookup(ALICE)] == [("c2", 1)]


def test_an_old_request_may_add_another_contact() -> None:
    """10.3 step 7 compares with the binding of the same contact only."""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@h.example>", cseq=5))
    assert desk.status("Contact: <sip:b@h.example>", cseq=4) == (200, "OK")
    assert desk.contacts() == ["sip:b@h.example", "sip:a@h.example"]


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ((";expires=100", "Expires: 200"), 100),
        (("", "Expires: 200"), 200),
        (("",), 3600),
        ((";expires=60",), 60),
        ((";expires=99999",), 7200),
        (("", f"Expires: 1{'0' * 100}"), 7200),
        ((";expires=4294967297",), 7200),
        ((";expires=00000000000000000061",), 61),
        ((";expires=soon",), 3600),
        ((";expires",), 3600),
        (("", "Expires: Thu, 01 Dec 1994 16:00:00 GMT"), 3600),
        ((";expires=-5",), 3600),
        ((";expires=100", "Expires: 5"), 100),
    ],
)
def test_how_long_is_granted(fields: tuple[str, ...], seconds: int) -> None:
    """10.3 step 7, 10.2, 20.19: own parameter, then Expires, then default; malformed is 3600."""
    desk = Desk()
    response = desk.ask(register("Contact: <sip:a@h.example>" + fields[0], *fields[1:]))
    contact = f"Contact: <sip:a@h.example>;expires={seconds}"
    assert response.to_bytes() == answer("200 OK", contact, DATE)


@pytest.mark.parametrize("seconds", [1, 59])
def test_too_brief_is_423(seconds: int) -> None:
    """10.3 step 7, 21.4.17: Min-Expires names what would do; nothing of the request is done."""
    desk = Desk()
    contacts = f"Contact: <sip:a@h.example>, <sip:b@h.example>;expires={seconds}"
    response = desk.ask(register(contacts))
    assert response.to_bytes() == answer("423 Interval Too Brief", "Min-Expires: 60")
    assert desk.store.count == 0


def test_an_hour_is_never_too_brief() -> None:
    """10.3 step 7: only less than an hour may be refused, whatever the minimum."""
    desk = Desk(limits=RegistrarLimits(min_expires=7200, max_expires=9000))
    assert desk.status("Contact: <sip:a@h.example>;expires=3599")[0] == 423
    assert desk.status("Contact: <sip:a@h.example>;expires=3600") == (200, "OK")


def test_bindings_end_when_their_time_is_over() -> None:
    """10.2.2: soft state."""
    desk = Desk()
    desk.ask(register("Contact: <sip:a@h.example>;expires=60"))
    desk.clock.advance(60)
    assert desk.ask(register(cseq=2)).to_bytes() == answer("200 OK", DATE, cseq=2)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"uri": "sip:example.org"}, (404, "Not Found")),
        ({"uri": "tel:+12015550123"}, (416, "Unsupported URI Scheme")),
        ({"to": "<sip:alice@example.org>"}, (404, "Not Found")),
        ({"to": "<tel:+12015550123>"}, (400, "Bad To")),
        ({"to": "isbn:2983792873"}, (400, "Bad To")),
    ],
)
def test_foreign_domains_and_schemes(more: dict[str, Any], expected: tuple[int, str]) -> None:
    """10.3 steps 1 and 5, 10.2: an address-of-record is a SIP URI of our domain."""
    desk = Desk()
    assert desk.status("Contact: <sip:a@h.example>", **more) == expected
    assert desk.store.count == 0


def test_the_address_of_record_is_canonical() -> None:
    """10.3 step 5: parameters go, escapes are decoded, the host is compared without case."""
    desk = Desk()
    to = "Alice <sip:%61lice@EXAMPLE.com;user=phone>;x=1"
    assert desk.status("Contact: <sip:a@h.example>", to=to) == (200, "OK")
    assert desk.contacts() == ["sip:a@h.example"]


def test_unknown_extensions_are_refused() -> None:
    """10.3 step 2, 8.2.2.3: 420 names what is not supported; path is."""
    desk = Desk()
    demand = "Require: path, outbound, x"
    response = desk.ask(register("Contact: <sip:a@h.example>", demand))
    assert response.to_bytes() == answer("420 Bad Extension", "Unsupported: outbound, x")
    assert desk.store.count == 0


def test_record_route_is_not_copied() -> None:
    """10.3: registrars ignore Record-Route and put none in a response."""
    desk = Desk()
    response = desk.ask(register("Record-Route: <sip:p.example.com;lr>"))
    assert response.to_bytes() == answer("200 OK", DATE)


def test_path_is_stored_and_echoed() -> None:
    """RFC 3327 5.3: kept in order for each binding, copied into the 200. [R05]"""
    desk = Desk()
    path = ["<sip:p3.example.com;lr>", "<sip:p1.example.org;lr;ob>;x=1"]
    fields = ["Supported: path", "Path: " + path[0], "Path: " + path[1]]
    response = desk.ask(register("Contact: <sip:a@h.example>", *fields))
    assert response.to_bytes() == answer(
        "200 OK",
        "Contact: <sip:a@h.example>;expires=3600",
        "Path: " + path[0],
        "Path: " + path[1],
        "Supported: path",
        DATE,
    )
    assert [binding.path for binding in desk.store.lookup(ALICE)] == [tuple(path)]


def test_path_without_support_is_refused() -> None:
    """RFC 3327 5.3: the recommended policy, 420 that names path. [R05]"""
    desk = Desk()
    response = desk.ask(register("Contact: <sip:a@h.example>", "Path: <sip:p.example.com;lr>"))
    assert response.to_bytes() == answer("420 Bad Extension", "Unsupported: path")
    assert desk.store.count == 0


def test_service_route_is_told() -> None:
    """RFC 3608 6.3: in every 200, in order. [R05]"""
    desk = Desk(service_route=("<sip:s1.example.com;lr>", "<sip:s2.example.com;lr>"))
    assert desk.ask(register()).to_bytes() == answer(
        "200 OK",
        "Service-Route: <sip:s1.example.com;lr>",
        "Service-Route: <sip:s2.example.com;lr>",
        DATE,
    )


def test_instance_and_reg_id_are_kept_and_given_back() -> None:
    """RFC 5626 4.1: stored for the proxy; a bad reg-id counts as none. [R05]"""
    desk = Desk()
    instance = "<urn:uuid:00000000-0000-4000-8000-00000000a001>"
    params = f';+sip.instance="{instance}";reg-id=1;+sip.ice'
    response = desk.ask(
        register(f"Contact: <sip:a@h.example;ob>{params}, <sip:b@h.example>;reg-id=0x1")
    )
    assert response.to_bytes() == answer(
        "200 OK",
        f"Contact: <sip:a@h.example;ob>{params};expires=3600",
        "Contact: <sip:b@h.example>;expires=3600",
        DATE,
    )
    assert [(b.instance, b.reg_id) for b in desk.store.lookup(ALICE)] == [(instance, 1), ("", 0)]


def test_an_instance_is_quoted_as_it_came() -> None:
    """RFC 3261 25.1, quoted-string: what is escaped in the REGISTER is escaped in the answer."""
    desk = Desk()
    params = r';+sip.instance="a\"b;x=\\"'
    response = desk.ask(register(f"Contact: <sip:a@h.example>{params}"))
    expected = f"Contact: <sip:a@h.example>{params};expires=3600"
    assert response.to_bytes() == answer("200 OK", expected, DATE)
