"""What applications may do, and what becomes of a call when one of them fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
from twisted.logger import capturedLogs

from sipapp.app.application import Application
from sipapp.app.interfaces import ICall, ISIPServer
from sipapp.app.running import Running
from sipapp.app.testing import Lab
from sipapp.core.target import Target
from sipapp.errors import CallEnded
from sipapp.message.uri import parse_uri
from tests.flows.calls import ring


class Broken(Application):
    """Raises for one callee, and behaves for the others."""

    async def call(self, call: ICall) -> None:
        await self.request(call)

    async def request(self, call: ICall) -> None:
        if b"oops" in call.request.raw_uri:
            raise ValueError("a mistake in an application")
        await call.pass_on()


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_failing_application_costs_its_own_request_only(method: str) -> None:
    """It ends in one 500, is logged once with the application's name, and the next is served."""
    with Lab(apps=[Broken, "registrar", "proxy"]) as lab, capturedLogs() as events:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.request(method, "sip:oops@example.test")
        lab.advance()
        assert alice.heard == ["500"]
        failures = [event for event in events if "log_failure" in event]
        assert [(each["application"], each["log_failure"].type) for each in failures] == [
            ("Broken", ValueError)
        ]
        alice.request(method, "sip:bob@example.test")
        lab.advance()
        assert bob.heard == [method]


class Late(Application):
    """Fails after it has rung."""

    async def call(self, call: ICall) -> None:
        await call.respond(180)
        await call.proxy(record_route=False)
        raise RuntimeError("too late to matter")


def test_a_failure_after_the_answer_changes_nothing() -> None:
    """One final answer a request: what was sent stays."""
    with Lab(apps=["registrar", Late]) as lab, capturedLogs() as events:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        arrived = bob.take_request("INVITE")
        bob.respond(arrived, 200)
        lab.advance()
        assert alice.heard == ["180", "200"]
        assert arrived.record_routes == []
        assert len([event for event in events if "log_failure" in event]) == 1


class Witness(Application):
    """Writes down what it sees, and passes on."""

    seen: ClassVar[list[object]] = []

    def __init__(self, sip: ISIPServer, section: Mapping[str, object]) -> None:
        super().__init__(sip, section)
        self.seen.clear()

    async def call(self, call: ICall) -> None:
        self.seen.append((type(self).__name__, dict(call.facts)))
        await call.pass_on(**{type(self).__name__: True})
        self.seen.append((type(self).__name__, "resumes"))


class Second(Witness):
    """Another one."""


def test_the_chain_passes_facts_on() -> None:
    """Applications run in the order of the config; facts add up; each resumes when all is done."""
    with Lab(apps=["registrar", Witness, Second, "proxy"]) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        _, arrived = ring(lab, alice, bob)
        assert Witness.seen == [("Witness", {}), ("Second", {"Witness": True})]
        bob.respond(arrived, 200)
        lab.advance()
        assert Witness.seen[2:] == [("Second", "resumes"), ("Witness", "resumes")]


def test_nobody_decides() -> None:
    """The end of the chain is 404: nothing here serves the address."""
    with Lab(apps=[Witness]) as lab:
        alice = lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        assert alice.heard == ["404"]


class Patient(Application):
    """Tells how its verb ended."""

    told: ClassVar[list[str]] = []

    async def call(self, call: ICall) -> None:
        try:
            outcome = await call.proxy(ring=20)
            self.told.append(str(outcome.status))
            if not outcome.ok:
                await call.respond(302, to=["sip:voicemail@example.test"])
        except CallEnded:
            self.told.append("ended")
            raise


def test_the_caller_gives_up_inside_a_verb() -> None:
    """The verb under way raises CallEnded; the 487 was sent, and no other verb works [M05]."""
    Patient.told.clear()
    with Lab(apps=["registrar", Patient]) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite, arrived = ring(lab, alice, bob)
        alice.cancel(invite)
        lab.advance()
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(arrived, 487)
        lab.advance()
        assert Patient.told == ["ended"]
        assert alice.heard == ["100", "180", "200", "487"]


def test_an_application_goes_on_after_a_failed_search() -> None:
    """The failure was not sent: the application answers in its own way [F3c] [R03] [B02]."""
    Patient.told.clear()
    with Lab(apps=["registrar", Patient]) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        _, arrived = ring(lab, alice, bob)
        bob.respond(arrived, 486)
        lab.advance()
        assert Patient.told == ["486"]
        moved = alice.take_response(302)
        assert moved.headers.get_all("Contact") == [b"<sip:voicemail@example.test>"]
        assert alice.heard == ["100", "180"]


class Impatient(Application):
    """Keeps its calls, so that the test can answer while they are still being searched."""

    calls: ClassVar[list[ICall]] = []

    async def call(self, call: ICall) -> None:
        self.calls.append(call)
        await call.proxy(ring=10)


def test_an_answer_during_the_search_ends_the_search() -> None:
    """What still rings is cancelled, and nobody else is tried."""
    with Lab(apps=["registrar", Impatient]) as lab:
        bob, alice = lab.registered("bob"), lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        ringing = bob.take_request("INVITE")
        bob.respond(ringing, 180)
        lab.advance()
        Running(Impatient.calls.pop().respond(480)).start()
        lab.advance()
        assert alice.heard == ["100", "180", "480"]
        alice.acknowledge_failure(invite, alice.take_response(480))
        assert bob.heard == ["CANCEL"]
        bob.respond(bob.take_request("CANCEL"), 200)
        bob.respond(ringing, 487)
        lab.advance(40)
        assert bob.heard == ["ACK"]


class Idle(Application):
    """Forgets to decide."""

    async def call(self, call: ICall) -> None:
        """Do nothing."""


def test_an_application_without_a_verb_is_told_so() -> None:
    """The caller gets 500, and the author a line in the log."""
    with Lab(apps=[Idle]) as lab, capturedLogs() as events:
        alice = lab.phone("alice")
        invite = alice.invite("bob")
        lab.advance()
        assert alice.heard == ["500"]
        alice.acknowledge_failure(invite, alice.take_response(500))
        lab.advance(40)
        told = [event["application"] for event in events if "decided nothing" in str(event)]
        assert told == ["Idle"]


class Wild(Application):
    """Answers with a status that there is not."""

    async def call(self, call: ICall) -> None:
        await call.respond(700)


def test_a_status_that_is_none_is_a_mistake_of_the_application() -> None:
    """It is blamed by name; the caller gets 500."""
    with Lab(apps=[Wild]) as lab, capturedLogs() as events:
        alice = lab.phone("alice")
        alice.invite("bob")
        lab.advance()
        failures = [str(each["log_failure"].value) for each in events if "log_failure" in each]
        assert failures == ["700 is no status from 101 to 699"]
        assert alice.heard == ["500"]


class Reporter(Application):
    """Tells what came of those behind it."""

    told: ClassVar[list[int]] = []

    async def call(self, call: ICall) -> None:
        self.told.append((await call.pass_on()).status)

    async def request(self, call: ICall) -> None:
        self.told.append((await call.pass_on()).status)


class Several(Application):
    """Fails, or searches twice."""

    async def call(self, call: ICall) -> None:
        if b"oops" in call.request.raw_uri:
            raise ValueError("a mistake in an application")
        await call.proxy()
        await call.proxy([Target(parse_uri(b"sip:carol@example.test"))])


def test_the_outcome_is_what_the_caller_hears() -> None:
    """Of a mistake, of the second of two searches, and of what is dismissed."""
    Reporter.told.clear()
    with Lab(apps=[Reporter, "registrar", Several]) as lab:
        bob, carol, alice = lab.registered("bob"), lab.registered("carol"), lab.phone("alice")
        alice.invite("oops")
        alice.invite("bob")
        lab.advance()
        bob.respond(bob.take_request("INVITE"), 486)
        lab.advance()
        carol.respond(carol.take_request("INVITE"), 200)
        lab.advance()
        alice.register(expires=1)
        lab.advance()
        assert alice.heard[-1] == "423"
        assert Reporter.told == [200, 200, 500, 200, 423]
