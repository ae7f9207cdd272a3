"""The page of the documentation is drawn from the tables that run."""

from __future__ import annotations

from sipapp.transaction.drawing import drawing, page
from sipapp.transaction.machine import Event, State, Table, to
from tests.source import ROOT

MACHINES = ROOT / "docs" / "internals" / "machines.rst"


def test_the_page_is_up_to_date() -> None:
    """After a change: ``python -m sipapp.transaction.drawing > docs/internals/machines.rst``."""
    assert MACHINES.read_text(encoding="utf-8") == page()


def test_a_drawing_has_a_line_for_each_arrow() -> None:
    """State, then what happens, the state entered, and the verbs."""

    def send_ack(machine: object) -> None:
        """An action."""

    table: Table[object] = {
        State.CALLING: {
            Event.FAILURE: to(State.COMPLETED, send_ack, send_ack),
            Event.TIMER_B: to(State.TERMINATED),
        },
        State.TERMINATED: {},
    }
    assert drawing(table) == (
        "Calling\n"
        "    300-699                -> Completed   send_ack, send_ack\n"
        "    timer B                -> Terminated  -\n"
        "\n"
        "Terminated\n"
    )
