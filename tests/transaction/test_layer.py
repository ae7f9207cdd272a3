"""The layer: what is passed up, what is absorbed, what is answered without asking."""

from __future__ import annotations

import pytest

from sipapp.errors import UsageError, WrongState
from sipapp.message.message import response_to
from sipapp.transaction.layer import TransactionLayer
from sipapp.transaction.machine import State
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.timers import Timers
from tests.transaction.stage import Stage, as_request, request_text

OTHER = "SIP/2.0/UDP client.example.com;branch=z9hG4bKtwo"


def test_a_new_request_is_passed_up_once(stage: Stage) -> None:
    """RFC 3261 17.2: its repetitions are the transaction's affair."""
    tx = stage.open()
    stage.come(request_text())
    assert stage.events == ["request INVITE"]
    assert (tx.invite, tx.flow, tx.reply, tx.finished) == (True, stage.flow, stage.flow, False)
    stage.respond(tx, 200)
    assert (tx.state, tx.finished) == (State.ACCEPTED, True)


@pytest.mark.parametrize("method", ["BYE", "OPTIONS", "REGISTER", "MESSAGE", "FANCY"])
def test_every_other_method_is_a_non_invite_transaction(stage: Stage, method: str) -> None:
    """RFC 3261 17.2: known or not. [M01][M02][M03]"""
    tx = stage.open(request_text(method))
    assert (stage.events, tx.invite, tx.state) == ([f"request {method}"], False, State.TRYING)


def test_the_ack_of_a_2xx_has_its_own_branch(stage: Stage) -> None:
    """RFC 3261 13.2.2.4, 17: it is no part of the transaction and goes up, each time. [E06][E09]"""
    stage.respond(stage.open(), 200)
    ack = request_text("ACK", via=OTHER, to_tag="b1")
    stage.come(ack)
    stage.come(ack)
    assert stage.taken() == ["request INVITE", "> 200", "ack", "ack"]
    assert stage.layer.server_count == 1


def test_a_stray_ack_is_passed_up_and_never_answered(stage: Stage) -> None:
    """RFC 3261 17: there is no response to ACK. [M05]"""
    stage.come(request_text("ACK"))
    assert stage.events == ["ack"]


def test_an_ack_before_the_final_response_is_absorbed(stage: Stage) -> None:
    """Figure 7 has no arrow for it."""
    stage.respond(stage.open(), 180)
    stage.come(request_text("ACK"))
    assert stage.events == ["request INVITE", "> 180"]


@pytest.mark.parametrize("status", [100, 180, 200, 302, 404, 503, 603])
def test_a_stray_response_is_passed_up_as_such(stage: Stage, status: int) -> None:
    """RFC 6026 7.3: the core must not forward it. [E06]"""
    stage.answer(as_request(request_text()), status)
    assert stage.events == [f"stray {status}"]


@pytest.mark.parametrize("status", [200, 300, 400, 500, 600])
def test_every_class_but_1xx_is_final(stage: Stage, status: int) -> None:
    """RFC 3261 7.2: 6xx as well. [C01][E01]"""
    tx = stage.send(request_text("OPTIONS"))
    stage.answer(tx, 100)
    assert not tx.finished
    stage.answer(tx, status)
    assert tx.finished
    assert stage.events == ["> OPTIONS", "up 100", f"up {status}"]


def test_a_second_final_response_to_an_invite_is_a_mistake(stage: Stage) -> None:
    """RFC 3261 figure 7; a further 2xx after a 2xx is none (RFC 6026)."""
    tx = stage.open()
    stage.respond(tx, 200)
    stage.respond(tx, 200)
    with pytest.raises(WrongState):
        stage.respond(tx, 486)
    with pytest.raises(WrongState):
        stage.respond(tx, 180)
    assert stage.events == ["request INVITE", "> 200", "> 200"]


class CancelTests:
    """A CANCEL from the network (RFC 3261 9.2)."""

    def test_of_a_pending_invite(self, stage: Stage) -> None:
        """Answered 200 by the layer, then told to the user, who ends with a 487. [M05]"""
        tx = stage.open()
        stage.watch(tx)
        stage.come(request_text("CANCEL"))
        stage.respond(tx, 487)
        assert stage.events == ["request INVITE", "> 200", "cancelled", "> 487"]

    def test_of_an_invite_whose_user_does_not_care(self, stage: Stage) -> None:
        """It is answered all the same."""
        stage.open()
        stage.come(request_text("CANCEL"))
        assert stage.events == ["request INVITE", "> 200"]

    def test_repeated(self, udp: Stage) -> None:
        """Its own transaction repeats the 200; the user hears of it once."""
        udp.watch(udp.open())
        udp.come(request_text("CANCEL"))
        udp.run(20)
        udp.come(request_text("CANCEL"))
        assert [event for event in udp.events if event != "> 100"] == [
            "request INVITE",
            "> 200",
            "cancelled",
            "> 200",
        ]

    @pytest.mark.parametrize("status", [200, 486])
    def test_after_a_final_response(self, stage: Stage, status: int) -> None:
        """It has no effect but its 200."""
        tx = stage.open()
        stage.watch(tx)
        stage.respond(tx, status)
        stage.come(request_text("CANCEL"))
        assert stage.events == ["request INVITE", f"> {status}", "> 200"]

    @pytest.mark.parametrize("text", [request_text("CANCEL"), request_text("CANCEL", via=OTHER)])
    def test_of_nothing(self, stage: Stage, text: bytes) -> None:
        """481, without state; every other method is nothing to it."""
        stage.open(request_text("OPTIONS"))
        stage.come(text)
        stage.come(text)
        first, second = stage.flow.sent
        assert first.startswith(b"SIP/2.0 481 ")
        assert first == second
        assert b";tag=" in first.partition(b"To:")[2].partition(b"\r\n")[0]
        assert (stage.events, stage.layer.server_count) == (
            ["request OPTIONS", "> 481", "> 481"],
            1,
        )

    @pytest.mark.parametrize(
        ("status", "tag"),
        [(180, b"b1"), (100, b"fresh"), (0, b"fresh"), (200, b"b1"), (486, b"b1")],
    )
    def test_its_to_tag_is_that_of_the_invite(self, stage: Stage, status: int, tag: bytes) -> None:
        """RFC 3261 9.2: the one that was sent, else one that the user will send."""
        tx = stage.open()
        if status:
            stage.respond(tx, status)
        stage.come(request_text("CANCEL"))
        assert b"To: Bob <sip:bob@example.com>;tag=%b\r\n" % tag in stage.flow.sent[-1]
        assert tx.to_tag == tag.decode()


BROKEN = "b1;tag=b2"
"""A To with two tags: the parser lets it pass."""


@pytest.mark.parametrize("via", [OTHER, "SIP/2.0/UDP client.example.com"])
@pytest.mark.parametrize("method", ["INVITE", "ACK", "CANCEL"])
def test_broken_tags_are_nobodys_end(stage: Stage, method: str, via: str) -> None:
    """Found again, answered as they came, whatever peer they are from."""
    text = request_text(method, via=via, to_tag=BROKEN).replace(b"tag=a7", b"tag=a7;tag=a8")
    stage.come(text)
    stage.come(text)
    seen = {"INVITE": ["request INVITE"], "ACK": ["ack"] * 2, "CANCEL": ["> 481"] * 2}
    assert stage.events == seen[method]


@pytest.mark.parametrize("status", [180, 200])
def test_a_broken_cancel_of_an_invite_with_a_broken_response(stage: Stage, status: int) -> None:
    """Both are passed on or answered as they are, and end like others."""
    tx = stage.open()
    stage.respond(tx, status, to_tag=BROKEN)
    stage.come(request_text("CANCEL", to_tag=BROKEN))
    assert b";tag=b1;tag=b2\r\n" in stage.flow.sent[-1]
    assert (stage.events[-1], tx.to_tag) == ("> 200", "fresh")


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_who_is_dismissed_costs_nothing(stage: Stage, method: str) -> None:
    """RFC 3261 8.2.7: no state, no copies, the same To tag each time; the ACK finds nothing."""

    def dismiss(tx: ServerTransaction) -> None:
        tx.dismiss(response_to(tx.request, 407, to_tag=tx.repeatable_tag))

    stage.on_request = dismiss
    stage.come(request_text(method))
    assert (stage.layer.server_count, stage.clock.getDelayedCalls()) == (0, [])
    stage.run(40)
    stage.come(request_text("ACK", to_tag="b1"))
    stage.come(request_text(method))
    first, second = stage.flow.sent
    assert first == second
    assert b";tag=" in first.partition(b"To:")[2].partition(b"\r\n")[0]
    assert stage.events == [f"request {method}", "> 407", "ack", f"request {method}", "> 407"]


class CapTests:
    """At most so many server transactions."""

    def test_beyond_it_503_without_state(self) -> None:
        """With Retry-After, the same each time; what exists is served on. [C02]"""
        stage = Stage(most=1)
        tx = stage.open()
        for _ in range(2):
            stage.come(request_text(via=OTHER))
        first, second = stage.flow.sent
        assert first == second
        assert first.startswith(b"SIP/2.0 503 Service Unavailable\r\n")
        assert b"\r\nRetry-After: 10\r\n" in first
        assert (stage.layer.refused, stage.layer.server_count) == (2, 1)
        stage.respond(tx, 180)
        stage.come(request_text())
        assert stage.events == ["request INVITE", "> 503", "> 503", "> 180", "> 180"]
        stage.close()

    def test_ack_and_cancel_are_never_refused(self) -> None:
        """ACK has no response, and a CANCEL makes room."""
        stage = Stage(most=1)
        stage.watch(stage.open())
        stage.come(request_text("ACK", via=OTHER))
        stage.come(request_text("CANCEL"))
        assert stage.events == ["request INVITE", "ack", "> 200", "cancelled"]
        stage.close()

    def test_an_ended_transaction_makes_room(self) -> None:
        """The cap counts what exists."""
        stage = Stage("TCP", most=1)
        stage.respond(stage.open(request_text("OPTIONS")), 200)
        stage.run(0)
        stage.open(request_text("OPTIONS", via=OTHER))
        assert stage.layer.refused == 0
        stage.close()


def test_what_cannot_be_sent_as_a_transaction(stage: Stage) -> None:
    """An ACK goes straight to its flow; a branch is unique in space and time."""
    stage.send()
    for text in (request_text(), request_text("ACK")):
        with pytest.raises(UsageError):
            stage.send(text)
    assert stage.layer.client_count == 1


def test_a_client_transaction_says_what_it_is(stage: Stage) -> None:
    """Its request, flow, branch and state."""
    tx = stage.send()
    assert (tx.request.method, tx.flow, tx.branch, tx.state) == (
        "INVITE",
        stage.flow,
        "z9hG4bKone",
        State.CALLING,
    )


def test_a_core_that_fails_leaves_a_running_clock(udp: Stage) -> None:
    """The transaction behaves as under a silent user; the exception is the caller's to report."""

    def fail(tx: object) -> None:
        raise RuntimeError("broken")

    udp.on_request = fail
    with pytest.raises(RuntimeError):
        udp.open(request_text("OPTIONS"))
    udp.run(32)
    assert udp.events == ["request OPTIONS", "> 100"]
    assert udp.layer.server_count == 0


def test_stop_forgets_everything(stage: Stage) -> None:
    """No clock is left, nobody is told, and what comes after is refused or dropped."""
    client = stage.send(request_text(via=OTHER))
    server = stage.open()
    stage.watch(server)
    stage.layer.stop()
    assert (client.state, server.state) == (State.TERMINATED, State.TERMINATED)
    assert stage.clock.getDelayedCalls() == []
    stage.respond(server, 200)
    client.cancel()
    stage.come(request_text())
    assert stage.send(request_text("OPTIONS")).state is State.TERMINATED
    assert stage.events == ["> INVITE", "request INVITE", "> 503"]
    assert stage.clock.getDelayedCalls() == []


def test_timers_of_one_transport() -> None:
    """Talk 1.4: T1 may differ between transports."""
    stage = Stage("TCP")
    layer = TransactionLayer(
        stage.wheel,
        Timers(),
        reply_flow=lambda request, flow: flow,
        timers_of={"TCP": Timers(t1=0.25)},
    )
    layer.send(as_request(request_text()), stage.flow, stage)
    stage.run(16)
    assert stage.events == ["> INVITE", "timed out"]
    stage.close()
