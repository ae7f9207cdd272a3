"""Applications that wait: for how long, and what ends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import LogEvent, capturedLogs, formatEvent

from sipapp.app.application import Application
from sipapp.app.config import Config
from sipapp.app.interfaces import ICall, ISIPServer
from sipapp.app.testing import Lab
from sipapp.errors import CallEnded


class Waiting(Application):
    """Waits for something that never comes, and tells what became of that.

    Attributes:
        things: what is awaited.
        told: what was raised, and that the call was cleaned up after.
    """

    things: ClassVar[list[Deferred[None]]] = []
    told: ClassVar[list[str]] = []

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        super().__init__(sip, section)
        self.things.clear()
        self.told.clear()

    async def call(self, call: ICall) -> None:
        await self.request(call)

    async def request(self, call: ICall) -> None:
        thing: Deferred[None] = Deferred()
        self.things.append(thing)
        try:
            await thing
        except CallEnded as error:
            self.told.append(str(error))
            raise
        finally:
            self.told.append("cleaned up")


def texts(events: Sequence[LogEvent]) -> list[str]:
    """What was logged by applications and calls."""
    lines = [formatEvent(event) for event in events]
    return [line for line in lines if line.startswith("application")]


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_an_application_that_hangs_loses_the_request(method: str) -> None:
    """500 after half a minute; it is named in the log, and nothing of the request stays."""
    with Lab(apps=[Waiting]) as lab, capturedLogs() as events:
        alice = lab.phone("alice")
        request = alice.request(method, "sip:bob@example.test")
        lab.advance(29.9)
        assert Waiting.told == []
        lab.advance(0.2)
        assert Waiting.told == ["the application took too long", "cleaned up"]
        final = alice.take_response(500)
        if method == "INVITE":
            alice.acknowledge_failure(request, final)
        lab.advance(40)
        transactions = lab.server.transactions
        assert (transactions.server_count, len(lab.server.wheel)) == (0, 0)
        assert texts(events) == [
            f"application Waiting let {method} {request.call_id} wait for 30 s: given up"
        ]


def test_the_time_is_configured() -> None:
    """``limits.application``."""
    limits = replace(Config().limits, application=2.0)
    with Lab(apps=[Waiting], limits=limits) as lab:
        alice = lab.phone("alice")
        alice.request("MESSAGE", "sip:bob@example.test")
        lab.advance(2.1)
        assert alice.heard == ["500"]


def test_whatever_is_awaited_ends_when_the_caller_gives_up() -> None:
    """RFC 3261 9.2: the 487 does not wait for the application. [E05]"""
    with Lab(apps=[Waiting]) as lab:
        alice = lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance(1)
        alice.cancel(invite)
        lab.advance()
        assert Waiting.told == ["the caller gave up", "cleaned up"]
        assert Waiting.things[0].called
        assert alice.heard == ["100", "200", "487"]
        alice.acknowledge_failure(invite, alice.take_response(487))


class Ringing(Waiting):
    """Rings again and again before it hangs."""

    async def call(self, call: ICall) -> None:
        for _ in range(3):
            await call.respond(180)
            pause: Deferred[None] = Deferred()
            self.things.append(pause)
            await pause
        await self.request(call)


def test_every_verb_gives_new_time() -> None:
    """An application that rings a phone of its own is alive, one that polls is not."""
    with Lab(apps=[Ringing]) as lab:
        alice = lab.phone("alice")
        invite = alice.invite("bob")
        for number in range(3):
            lab.advance(20)
            Ringing.things[number].callback(None)
        assert alice.heard == ["180", "180", "180"]
        lab.advance(9)
        assert Ringing.told == []
        lab.advance(1.1)
        assert Ringing.told == ["the application took too long", "cleaned up"]
        alice.acknowledge_failure(invite, alice.take_response(500))


class Lingering(Waiting):
    """Forwards, and does not come to an end after that."""

    async def call(self, call: ICall) -> None:
        await call.proxy()
        await self.request(call)


@pytest.mark.parametrize("status", [200, 486])
def test_an_application_has_to_end_after_a_search(status: int) -> None:
    """Answered or not; the search itself may take longer. The best failure is what goes back."""
    with Lab(apps=["registrar", Lingering]) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        ringing = bob.take_request("INVITE")
        bob.respond(ringing, 180)
        lab.advance(100)
        assert Lingering.things == []
        bob.respond(ringing, status)
        lab.advance(30.1)
        assert Lingering.told == ["the application took too long", "cleaned up"]
        final = alice.take_response(status)
        if status > 299:
            alice.acknowledge_failure(invite, final)


class Careless(Application):
    """Starts a search and does not wait for it."""

    async def call(self, call: ICall) -> None:
        ensureDeferred(call.proxy())


def test_a_search_that_is_left_behind_is_cancelled() -> None:
    """The call is answered 500 when the application ends, and Bob stops ringing."""
    with Lab(apps=["registrar", Careless]) as lab, capturedLogs() as events:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        ringing = bob.take_request("INVITE")
        bob.respond(ringing, 180)
        alice.acknowledge_failure(invite, alice.take_response(500))
        lab.advance()
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(ringing, 487)
        lab.advance(40)
        assert [line.partition(" INVITE")[0] for line in texts(events)] == [
            "application Careless decided nothing on",
            "application Careless left the search of",
        ]


class Elsewhere(Waiting):
    """Has somebody else use the verbs while it waits."""

    calls: ClassVar[list[ICall]] = []

    async def call(self, call: ICall) -> None:
        self.calls.append(call)
        await self.request(call)


@pytest.mark.parametrize("verb", ["respond", "proxy"])
def test_verbs_that_others_use_do_not_stop_the_clock(verb: str) -> None:
    """A ringing that a timer sends, a search that nobody awaits."""
    Elsewhere.calls.clear()
    with Lab(apps=["registrar", Elsewhere]) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance(1)
        (call,) = Elsewhere.calls
        if verb == "respond":
            ensureDeferred(call.respond(180))
        else:
            ensureDeferred(call.proxy())
            lab.advance()
            bob.respond(bob.take_request("INVITE"), 486)
        lab.advance(30.1)
        assert Elsewhere.told == ["the application took too long", "cleaned up"]
        status = 500 if verb == "respond" else 486
        alice.acknowledge_failure(invite, alice.take_response(status))
