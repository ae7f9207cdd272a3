"""Every machine in every state under every event, against the figures drawn by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from sipapp.errors import SendFailed, WrongState
from sipapp.message.message import response_to
from sipapp.message.parser import parse_message
from sipapp.transaction.client import ClientTransaction, NonInviteClient
from sipapp.transaction.invite_client import InviteClient
from sipapp.transaction.invite_server import InviteServer
from sipapp.transaction.machine import LOCAL, Event, Row, State, Table, fire, to
from sipapp.transaction.server import NonInviteServer, ServerTransaction
from sipapp.transaction.transaction import Transaction
from tests.transaction.drawings import (
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    Drawing,
)
from tests.transaction.stage import Stage, as_request, request_text

STATUS_OF = {
    Event.PROVISIONAL: 180,
    Event.SUCCESS: 200,
    Event.FAILURE: 486,
    Event.RESPOND_PROVISIONAL: 180,
    Event.RESPOND_SUCCESS: 200,
    Event.RESPOND_FAILURE: 486,
    Event.RESPOND_BARRED: 183,
}


@dataclass(frozen=True)
class Machine:
    """One machine, its drawing, and the events that lead from its first state to each state."""

    kind: type[Transaction]
    method: str
    transport: str
    drawing: Drawing
    ways: Mapping[State, tuple[Event, ...]]

    def in_state(self, state: State, stage: Stage) -> Transaction:
        """A transaction that came to ``state`` in a legal way."""
        tx: Transaction
        if issubclass(self.kind, ClientTransaction):
            tx = stage.send(request_text(self.method))
        else:
            tx = server = stage.open(request_text(self.method))
            stage.watch(server)
        assert type(tx) is self.kind
        for event in self.ways[state]:
            happen(tx, event, stage)
        assert tx.state is state
        return tx


MACHINES = [
    Machine(
        InviteClient,
        "INVITE",
        "UDP",
        INVITE_CLIENT,
        {
            State.CALLING: (),
            State.PROCEEDING: (Event.PROVISIONAL,),
            State.ACCEPTED: (Event.SUCCESS,),
            State.COMPLETED: (Event.FAILURE,),
            State.TERMINATED: (Event.TIMER_B,),
        },
    ),
    Machine(
        NonInviteClient,
        "OPTIONS",
        "UDP",
        NON_INVITE_CLIENT,
        {
            State.TRYING: (),
            State.PROCEEDING: (Event.PROVISIONAL,),
            State.COMPLETED: (Event.SUCCESS,),
            State.TERMINATED: (Event.TIMER_F,),
        },
    ),
    Machine(
        InviteServer,
        "INVITE",
        "UDP",
        INVITE_SERVER,
        {
            State.PROCEEDING: (Event.RESPOND_PROVISIONAL,),
            State.ACCEPTED: (Event.RESPOND_SUCCESS,),
            State.COMPLETED: (Event.RESPOND_FAILURE,),
            State.CONFIRMED: (Event.RESPOND_FAILURE, Event.ACK),
            State.TERMINATED: (Event.RESPOND_FAILURE, Event.TIMER_H),
        },
    ),
    Machine(
        NonInviteServer,
        "OPTIONS",
        "TCP",
        NON_INVITE_SERVER,
        {
            State.TRYING: (),
            State.PROCEEDING: (Event.RESPOND_PROVISIONAL,),
            State.COMPLETED: (Event.RESPOND_SUCCESS,),
            State.TERMINATED: (Event.TIMER_F,),
        },
    ),
]


def happen(tx: Transaction, event: Event, stage: Stage) -> None:
    """Let an event happen by the call that brings it, where the machine has one."""
    status = STATUS_OF.get(event, 0)
    if isinstance(tx, ClientTransaction):
        calls: dict[Event, Callable[[], None]] = {
            Event.SEND_FAILED: lambda: tx.flow_lost(SendFailed("reset")),
            Event.CANCEL: tx.cancel,
        }
        if event in (Event.PROVISIONAL, Event.SUCCESS, Event.FAILURE):
            response = parse_message(
                response_to(stage.requests[tx.key], status, to_tag="b1").to_bytes()
            )
            tx.receive(response)  # type: ignore[arg-type]
            return
    else:
        assert isinstance(tx, ServerTransaction)
        calls = {Event.REQUEST: tx.receive}
        if isinstance(tx, InviteServer):
            ack = as_request(request_text("ACK"))
            calls[Event.ACK] = lambda: tx.acknowledge(ack, stage.flow)
        if event in LOCAL and event in {e for rows in tx.table.values() for e in rows}:
            if event is Event.RESPOND_PROVISIONAL and not tx.invite:
                status = 100
            calls[event] = lambda: stage.respond(tx, status)
    calls.get(event, lambda: fire(tx, event))()


def clock_of(tx: Transaction, stage: Stage) -> str:
    """Seconds until the wheel calls the transaction."""
    return f"{tx.due / 20 - stage.clock.seconds():g}" if tx.due else "-"


def every_pair() -> Iterator[Any]:
    """Each machine x each of its states x each event there is."""
    for machine in MACHINES:
        for state in machine.ways:
            for event in Event:
                name = f"{machine.kind.__name__}-{state.name}-{event.name}"
                yield pytest.param(machine, state, event, id=name)


@pytest.mark.parametrize(("machine", "state", "event"), list(every_pair()))
def test_every_state_under_every_event(machine: Machine, state: State, event: Event) -> None:
    """What is not drawn is absorbed, or is the caller's mistake. RFC 3261 17, 6026, 4320. [E01]"""
    stage = Stage(machine.transport)
    tx = machine.in_state(state, stage)
    before = clock_of(tx, stage)
    stage.taken()
    if (state, event) in machine.drawing:
        happen(tx, event, stage)
        expected = machine.drawing[state, event]
    else:
        if event in LOCAL:
            with pytest.raises(WrongState):
                happen(tx, event, stage)
        else:
            happen(tx, event, stage)
        expected = state, [], before
    seen = stage.taken()
    assert (tx.state, seen, clock_of(tx, stage)) == expected
    stage.close()


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.kind.__name__)
def test_the_drawing_names_every_state(machine: Machine) -> None:
    """The table, the drawing and the ways are about the same boxes and arrows."""
    arrows = {(state, event) for state, rows in machine.kind.table.items() for event in rows}
    assert arrows == set(machine.drawing)
    assert set(machine.kind.table) == set(machine.ways)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.kind.__name__)
def test_actions_that_call_a_user_stand_last(machine: Machine) -> None:
    """So that the user may call the transaction from within."""
    upward = {
        "pass_up",
        "pass_final_up",
        "pass_last_up",
        "pass_ack_up",
        "report_timeout",
        "report_failure",
    }
    rows = [row for rows in machine.kind.table.values() for row in rows.values()]
    early = [action.__name__ for row in rows for action in row.actions[:-1]]
    assert upward.isdisjoint(early)


class Toy:
    """A machine of two states whose actions write down what they find."""

    def __init__(self) -> None:
        self.state = State.TRYING
        self.seen: list[str] = []

    def note(self) -> None:
        """Write the state down."""
        self.seen.append(self.state)

    def fail(self) -> None:
        """Do what no action should."""
        raise RuntimeError("broken")

    def leave(self) -> None:
        """Write down that it was called."""
        self.seen.append("left")

    table: ClassVar[Table[Toy]] = {
        State.TRYING: {
            Event.REQUEST: to(State.COMPLETED, note, note),
            Event.TIMER_F: to(State.TERMINATED, fail),
        },
        State.COMPLETED: {Event.TIMER_J: to(State.TERMINATED, note)},
        State.TERMINATED: {Event.RESPOND_FAILURE: to(State.TERMINATED, note)},
    }


def test_the_state_is_stored_before_the_actions_run() -> None:
    """An action, and a user it calls, sees the state that was entered."""
    toy = Toy()
    fire(toy, Event.REQUEST)
    assert toy.seen == ["Completed", "Completed"]


def test_terminated_is_left_once_and_after_the_actions() -> None:
    """Rows from Terminated to itself do not leave again."""
    toy = Toy()
    fire(toy, Event.REQUEST)
    fire(toy, Event.TIMER_J)
    fire(toy, Event.RESPOND_FAILURE)
    assert toy.seen[2:] == ["Terminated", "left", "Terminated"]


def test_terminated_is_left_even_if_an_action_raises() -> None:
    """A user that fails keeps no transaction alive."""
    toy = Toy()
    with pytest.raises(RuntimeError):
        fire(toy, Event.TIMER_F)
    assert (toy.state, toy.seen) == (State.TERMINATED, ["left"])


def test_a_wrong_call_changes_nothing_and_says_where() -> None:
    """WrongState names the event and the state."""
    toy = Toy()
    with pytest.raises(WrongState, match="cancel by user in Trying"):
        fire(toy, Event.CANCEL)
    assert (toy.state, toy.seen) == (State.TRYING, [])


def test_a_row_is_a_state_and_actions() -> None:
    """`to` spells it."""
    assert to(State.COMPLETED, Toy.note) == Row(State.COMPLETED, (Toy.note,))
