"""However a branch ends, the caller hears of it and nothing is left behind."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from sipapp.app.application import Application
from sipapp.app.call import Call
from sipapp.app.interfaces import ICall
from sipapp.app.running import Running
from sipapp.app.testing import Lab, Phone
from sipapp.core.branch import Branch
from sipapp.core.forwarding import Forwarding
from sipapp.message.message import Request
from sipapp.transaction.transaction import Transaction
from tests.flows.calls import established, hang_up


def ringing(lab: Lab) -> tuple[Phone, Phone, Request, Request]:
    """A call from Alice that rings at Bob's."""
    bob, alice = lab.registered("bob"), lab.phone("alice")
    invite = alice.invite("bob")
    lab.advance()
    got = bob.take_request("INVITE")
    bob.respond(got, 180)
    lab.advance()
    return alice, bob, invite, got


def test_an_answer_without_our_caller_ends_the_branch() -> None:
    """RFC 3261 16.7 step 3: it is not passed on, but the caller must not wait for ever."""
    with Lab() as lab:
        alice, bob, invite, got = ringing(lab)
        spoiled = got.copy()
        spoiled.remove_header("Via")
        spoiled.add_header("Via", got.headers.get_all("Via")[0])
        bob.respond(spoiled, 486)
        lab.advance()
        assert alice.heard == ["100", "180", "502"]
        alice.acknowledge_failure(invite, alice.take_response(502))
        lab.advance(40)
        assert lab.server.transactions.server_count == 0


class Brief(Application):
    """Rings for five seconds."""

    async def call(self, call: ICall) -> None:
        await call.proxy(ring=5)


def test_a_2xx_after_the_search_still_reaches_the_caller() -> None:
    """RFC 3261 16.7 step 5: a 2xx is forwarded even after another final response."""
    with Lab(apps=["registrar", Brief]) as lab:
        alice, bob, invite, got = ringing(lab)
        lab.advance(5.1)
        assert alice.heard == ["100", "180", "408"]
        alice.acknowledge_failure(invite, alice.take_response(408))
        assert bob.heard == ["CANCEL"]
        bob.respond(got, 200)
        lab.advance()
        assert alice.heard == ["100", "180", "200"]
        dialog = alice.acknowledge(invite, alice.take_response(200))
        lab.advance()
        assert bob.heard == ["CANCEL", "ACK"]
        alice.in_dialog(dialog, "BYE")
        lab.advance()
        assert bob.heard == ["CANCEL", "ACK", "BYE"]


OF_A_CALL = (Branch, Call, Forwarding, Running, Transaction)


def in_memory() -> Counter[str]:
    """What calls are made of, reachable or not."""
    things = (type(thing) for thing in gc.get_objects())
    return Counter(kind.__name__ for kind in things if issubclass(kind, OF_A_CALL))


@pytest.fixture
def counted() -> Iterator[Counter[str]]:
    """What there was before; reference counts have to do from here on."""
    gc.collect()
    gc.disable()
    yield in_memory()
    gc.enable()


@pytest.mark.parametrize("phones", [1, 2])
def test_a_call_is_freed_without_the_collector(counted: Counter[str], phones: int) -> None:
    """The collector of a busy server hardly runs: a circle would be a leak (`QuietCollector`)."""
    with Lab() as lab:
        alice = lab.phone("alice")
        bobs = [lab.registered("bob", q=1 - number / 2) for number in range(phones)]
        dialog, _ = established(lab, alice, bobs[0])
        hang_up(lab, alice, dialog, bobs[0])
        lab.advance(200)
        assert in_memory() - counted == Counter()


def test_a_failed_call_is_freed_without_the_collector(counted: Counter[str]) -> None:
    """Also one that is given up while its application waits for the search."""
    with Lab() as lab:
        alice, bob, invite, got = ringing(lab)
        alice.cancel(invite)
        lab.advance()
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(got, 487)
        lab.advance()
        alice.acknowledge_failure(invite, alice.take_response(487))
        lab.advance(200)
        assert in_memory() - counted == Counter()
