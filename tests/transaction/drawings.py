"""The RFC figures once more, written by hand, with what is seen from outside.

Columns: state | event | next state | what is seen, in order | seconds until the clock (``-`` none).
A pair without a line must leave everything as it is. All happens at one moment.
"""

from __future__ import annotations

__all__ = ["INVITE_CLIENT", "INVITE_SERVER", "NON_INVITE_CLIENT", "NON_INVITE_SERVER", "Drawing"]

from sipapp.transaction.machine import Event, State

Drawing = dict[tuple[State, Event], tuple[State, list[str], str]]


def read(text: str) -> Drawing:
    """Read a drawing."""
    drawing: Drawing = {}
    for line in text.strip().splitlines():
        state, event, target, seen, clock = (cell.strip() for cell in line.split("|"))
        effects = seen.split("; ") if seen else []
        drawing[State(state), Event(event)] = State(target), effects, clock
    return drawing


# RFC 3261 figure 5 as replaced by RFC 6026, over UDP.
INVITE_CLIENT = read("""
Calling    | timer A            | Calling    | > INVITE      | 1
Calling    | timer B            | Terminated | timed out     | -
Calling    | transport error    | Terminated | failed        | -
Calling    | 1xx                | Proceeding | up 180        | -
Calling    | 2xx                | Accepted   | up 200        | 32
Calling    | 300-699            | Completed  | > ACK; up 486 | 32
Calling    | cancel by user     | Calling    |               | 0.5
Proceeding | 1xx                | Proceeding | up 180        | -
Proceeding | 2xx                | Accepted   | up 200        | 32
Proceeding | 300-699            | Completed  | > ACK; up 486 | 32
Proceeding | cancel by user     | Proceeding | > CANCEL      | 32
Proceeding | 64*T1 after CANCEL | Terminated | timed out     | -
Accepted   | 2xx                | Accepted   | up 200        | 32
Accepted   | timer M            | Terminated |               | -
Accepted   | cancel by user     | Accepted   |               | 32
Completed  | 300-699            | Completed  | > ACK         | 32
Completed  | transport error    | Terminated |               | -
Completed  | timer D            | Terminated |               | -
Completed  | cancel by user     | Completed  |               | 32
Terminated | cancel by user     | Terminated |               | -
""")

# RFC 3261 figure 6, over UDP.
NON_INVITE_CLIENT = read("""
Trying     | timer E         | Trying     | > OPTIONS | 1
Trying     | timer F         | Terminated | timed out | -
Trying     | transport error | Terminated | failed    | -
Trying     | 1xx             | Proceeding | up 180    | 0.5
Trying     | 2xx             | Completed  | up 200    | 5
Trying     | 300-699         | Completed  | up 486    | 5
Proceeding | timer E         | Proceeding | > OPTIONS | 4
Proceeding | timer F         | Terminated | timed out | -
Proceeding | transport error | Terminated | failed    | -
Proceeding | 1xx             | Proceeding | up 180    | 0.5
Proceeding | 2xx             | Completed  | up 200    | 5
Proceeding | 300-699         | Completed  | up 486    | 5
Completed  | timer K         | Terminated |           | -
""")

# RFC 3261 figure 7 as replaced by RFC 6026, over UDP. Proceeding is entered by a 180 here.
INVITE_SERVER = read("""
Proceeding | request again   | Proceeding | > 180 | -
Proceeding | time for 100    | Proceeding | > 100 | -
Proceeding | 1xx by user     | Proceeding | > 180 | -
Proceeding | 2xx by user     | Accepted   | > 200 | 32
Proceeding | 300-699 by user | Completed  | > 486 | 0.5
Accepted   | 2xx by user     | Accepted   | > 200 | 32
Accepted   | ACK             | Accepted   | ack   | 32
Accepted   | timer L         | Terminated | ended | -
Completed  | request again   | Completed  | > 486 | 0.5
Completed  | timer G         | Completed  | > 486 | 1
Completed  | ACK             | Confirmed  |       | 5
Completed  | timer H         | Terminated | ended | -
Confirmed  | timer I         | Terminated | ended | -
Terminated | 1xx by user     | Terminated |       | -
Terminated | 2xx by user     | Terminated |       | -
Terminated | 300-699 by user | Terminated |       | -
""")

# RFC 3261 figure 8 with RFC 4320, over TCP: there the user may send 100 at any time, and J is 0.
NON_INVITE_SERVER = read("""
Trying     | 1xx by user        | Proceeding | > 100 | 32
Trying     | 2xx by user        | Completed  | > 200 | 0
Trying     | 300-699 by user    | Completed  | > 486 | 0
Trying     | barred by RFC 4320 | Trying     |       | 3.5
Trying     | time for 100       | Proceeding | > 100 | 32
Trying     | timer F            | Terminated | ended | -
Proceeding | request again      | Proceeding | > 100 | 32
Proceeding | 1xx by user        | Proceeding | > 100 | 32
Proceeding | 2xx by user        | Completed  | > 200 | 0
Proceeding | 300-699 by user    | Completed  | > 486 | 0
Proceeding | barred by RFC 4320 | Proceeding |       | 32
Proceeding | timer F            | Terminated | ended | -
Completed  | request again      | Completed  | > 200 | 0
Completed  | 1xx by user        | Completed  |       | 0
Completed  | 2xx by user        | Completed  |       | 0
Completed  | 300-699 by user    | Completed  |       | 0
Completed  | barred by RFC 4320 | Completed  |       | 0
Completed  | timer J            | Terminated | ended | -
Terminated | 1xx by user        | Terminated |       | -
Terminated | 2xx by user        | Terminated |       | -
Terminated | 300-699 by user    | Terminated |       | -
Terminated | barred by RFC 4320 | Terminated |       | -
""")
