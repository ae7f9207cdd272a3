"""One call, several phones: all at once, or one after another (RFC 3261 16.5 to 16.8)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall
from sipapp.app.testing import Lab, Phone
from sipapp.app.testing.phone import SDP
from sipapp.message.message import Request
from tests.flows.calls import branch


class Impatient(Application):
    """Lets every group ring for 20 seconds."""

    async def call(self, call: ICall) -> None:
        await call.proxy(ring=20)

    async def request(self, call: ICall) -> None:
        await call.proxy()


@contextmanager
def forked(qs: tuple[float | None, ...], **settings: object) -> Iterator[tuple[Lab, list[Phone]]]:
    """Alice, and a phone of Bob for every q."""
    with Lab(**settings) as lab:  # type: ignore[arg-type]
        bobs = [lab.registered("bob", q=q) for q in qs]
        yield lab, [lab.phone("alice"), *bobs]


def arrivals(lab: Lab, phones: list[Phone]) -> list[Request]:
    """Let the INVITE arrive, and take it out of the inboxes."""
    lab.advance()
    return [phone.take_request("INVITE") for phone in phones]


BEGINNING = [
    "alice -> server INVITE",
    "server -> alice 100 INVITE",
    "server -> bob3 INVITE",  # the newest binding first
    "server -> bob2 INVITE",
    "server -> bob INVITE",
]


def test_one_of_three_answers() -> None:
    """RFC 3261 16.7 steps 5 and 10 [F3b] [R04] [M05] [E06].

    Two CANCELs, two 487s, two hop-by-hop ACKs, and one ACK from end to end.
    """
    with forked((None, None, None)) as (lab, [alice, *bobs]):
        invite = alice.invite("bob")
        arrived = arrivals(lab, bobs)
        for bob, request in zip(bobs, arrived, strict=True):
            bob.respond(request, 180)
        lab.advance()
        bobs[1].respond(arrived[1], 200, body=SDP)
        lab.advance()
        for at in (0, 2):
            cancel = bobs[at].take_request("CANCEL")
            assert branch(cancel) == branch(arrived[at])
            bobs[at].respond(cancel, 200)
            bobs[at].respond(arrived[at], 487)
        lab.advance()
        alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        acks = [bob.take_request("ACK") for bob in bobs]
        assert [branch(ack) == branch(r) for ack, r in zip(acks, arrived, strict=True)] == [
            True,
            False,
            True,
        ]
        assert len({branch(request) for request in arrived}) == 3
        lab.advance(40)
        assert lab.scene() == [
            *BEGINNING,
            "bob -> server 180 INVITE",
            "bob2 -> server 180 INVITE",
            "bob3 -> server 180 INVITE",
            "server -> alice 180 INVITE",
            "server -> alice 180 INVITE",
            "server -> alice 180 INVITE",
            "bob2 -> server 200 INVITE",
            "server -> alice 200 INVITE",
            "server -> bob3 CANCEL",
            "server -> bob CANCEL",
            "bob -> server 200 CANCEL",
            "bob -> server 487 INVITE",
            "bob3 -> server 200 CANCEL",
            "bob3 -> server 487 INVITE",
            "server -> bob ACK",
            "server -> bob3 ACK",
            "alice -> server ACK",
            "server -> bob2 ACK",
        ]


def test_two_answer_at_once() -> None:
    """RFC 3261 13.2.2.4, 16.7 step 5: every 2xx goes to the caller [E09] [R01]."""
    with forked((None, None)) as (lab, [alice, bob, bob2]):
        invite = alice.invite("bob")
        first, second = arrivals(lab, [bob, bob2])
        bob2.respond(second, 200, body=SDP)
        bob.respond(first, 200, body=SDP)
        lab.advance()
        for final in (alice.take_response(200), alice.take_response(200)):
            alice.acknowledge(invite, final)
        lab.advance()
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob2 INVITE",
            "server -> bob INVITE",
            "bob2 -> server 200 INVITE",
            "bob -> server 200 INVITE",
            "server -> alice 200 INVITE",
            "server -> alice 200 INVITE",
            "alice -> server ACK",
            "alice -> server ACK",
            "server -> bob2 ACK",
            "server -> bob ACK",
        ]


def test_a_6xx_ends_the_search() -> None:
    """RFC 3261 16.7 step 5: others are cancelled, the answer waits for their ends [E01] [C01]."""
    with forked((None, None, None)) as (lab, [alice, *bobs]):
        invite = alice.invite("bob")
        arrived = arrivals(lab, bobs)
        for bob, request in zip(bobs, arrived, strict=True):
            bob.respond(request, 180)
        bobs[0].respond(arrived[0], 603)
        lab.advance()
        assert alice.heard == ["100", "180", "180", "180"]
        for at in (1, 2):
            bobs[at].respond(bobs[at].take_request("CANCEL"), 200)
            bobs[at].respond(arrived[at], 487)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(603))
        lab.advance()
        assert lab.scene()[len(BEGINNING) :] == [
            "bob -> server 180 INVITE",
            "bob2 -> server 180 INVITE",
            "bob3 -> server 180 INVITE",
            "bob -> server 603 INVITE",
            "server -> alice 180 INVITE",
            "server -> alice 180 INVITE",
            "server -> alice 180 INVITE",
            "server -> bob ACK",
            "server -> bob3 CANCEL",
            "server -> bob2 CANCEL",
            "bob2 -> server 200 CANCEL",
            "bob2 -> server 487 INVITE",
            "bob3 -> server 200 CANCEL",
            "bob3 -> server 487 INVITE",
            "server -> bob2 ACK",
            "server -> bob3 ACK",
            "server -> alice 603 INVITE",
            "alice -> server ACK",
        ]


@pytest.mark.parametrize(
    ("statuses", "chosen"),
    [
        ((486, 404, 503), 486),
        ((500, 302, 486), 302),
        ((486, 415, 404), 415),
        ((486, 484, 401), 401),
        ((503, 503, 503), 500),
        ((487, 486, 501), 486),
    ],
)
def test_the_best_answer_is_chosen(statuses: tuple[int, ...], chosen: int) -> None:
    """RFC 3261 16.7 step 6: the lowest class, in it what the caller can repair [R04].

    Of two that are as good the first one to come; a 503 speaks for one branch only.
    """
    with forked((None, None, None)) as (lab, [alice, *bobs]):
        alice.invite("bob")
        for bob, request, status in zip(bobs, arrivals(lab, bobs), statuses, strict=True):
            bob.respond(request, status)
        lab.advance()
        assert alice.heard == ["100", str(chosen)]
        assert [bob.heard for bob in bobs] == [["ACK"]] * 3


def test_all_challenges_come_back_in_one_answer() -> None:
    """RFC 3261 16.7 step 7: the caller needs credentials for every branch [R04]."""
    with forked((None, None)) as (lab, [alice, bob, bob2]):
        alice.invite("bob")
        first, second = arrivals(lab, [bob, bob2])
        www = b'Digest realm="one", nonce="a"'
        proxy = b'Digest realm="two", nonce="b"'
        bob.respond(first, 401, extra=[("WWW-Authenticate", www)])
        bob2.respond(second, 407, extra=[("Proxy-Authenticate", proxy)])
        lab.advance()
        final = alice.take_response(401)
        assert final.headers.get_all("WWW-Authenticate") == [www]
        assert final.headers.get_all("Proxy-Authenticate") == [proxy]
        assert alice.heard == ["100"]


def test_the_next_phone_rings_when_nobody_answers() -> None:
    """RFC 3261 16.6: by q; the ring time of the application ends a group [F3c] [R04]."""
    with forked((0.9, 0.4), apps=["registrar", Impatient]) as (lab, [alice, bob, bob2]):
        invite = alice.invite("bob")
        [first] = arrivals(lab, [bob])
        bob.respond(first, 180)
        lab.advance(19.9)
        assert (bob.heard, bob2.heard) == ([], [])
        lab.advance(0.2)
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(first, 487)
        lab.advance()
        bob2.respond(bob2.take_request("INVITE"), 200, body=SDP)
        lab.advance()
        alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob INVITE",
            "bob -> server 180 INVITE",
            "server -> alice 180 INVITE",
            "server -> bob CANCEL",
            "server -> bob2 INVITE",
            "bob -> server 200 CANCEL",
            "bob -> server 487 INVITE",
            "server -> bob ACK",
            "bob2 -> server 200 INVITE",
            "server -> alice 200 INVITE",
            "alice -> server ACK",
            "server -> bob2 ACK",
        ]


def test_timer_c_ends_endless_ringing() -> None:
    """RFC 3261 16.8: after three minutes without news the branch is cancelled [F3c]."""
    with forked((0.9, 0.4)) as (lab, [alice, bob, bob2]):
        alice.invite("bob")
        [first] = arrivals(lab, [bob])
        bob.respond(first, 180)
        lab.advance(100)
        bob.respond(first, 180)  # starts Timer C anew (16.7 step 2)
        lab.advance(179.9)
        assert bob.heard == []
        lab.advance(0.2)
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(first, 487)
        lab.advance()
        bob2.respond(bob2.take_request("INVITE"), 486)
        lab.advance()
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            "server -> bob INVITE",
            "bob -> server 180 INVITE",
            "server -> alice 180 INVITE",
            "bob -> server 180 INVITE",
            "server -> alice 180 INVITE",
            "server -> bob CANCEL",
            "bob -> server 200 CANCEL",
            "bob -> server 487 INVITE",
            "server -> bob ACK",
            "server -> bob2 INVITE",
            "bob2 -> server 486 INVITE",
            "server -> bob2 ACK",
            "server -> alice 486 INVITE",
        ]


def test_a_dead_phone_is_given_up_after_timer_b() -> None:
    """RFC 3261 17.1.1.2: seven sends in 32 seconds, then the next phone [F3c]."""
    with forked((0.9, 0.4)) as (lab, [alice, _, bob2]):
        alice.invite("bob")
        lab.advance(31.9)
        assert bob2.heard == []
        lab.advance(0.2)
        assert lab.scene() == [
            "alice -> server INVITE",
            "server -> alice 100 INVITE",
            *["server -> bob INVITE"] * 7,
            "server -> bob2 INVITE",
        ]
