"""The four machines drawn as text, for docs/internals/machines.rst.

``python -m sipapp.transaction.drawing`` writes the page; a test compares it with the file.
"""

from __future__ import annotations

__all__ = ["drawing", "page"]

import sys
from typing import Any

from sipapp.transaction.client import NonInviteClient
from sipapp.transaction.invite_client import InviteClient
from sipapp.transaction.invite_server import InviteServer
from sipapp.transaction.machine import Table
from sipapp.transaction.server import NonInviteServer

_MACHINES: tuple[tuple[str, str, Table[Any]], ...] = (
    ("INVITE client", "RFC 3261 17.1.1.2 and figure 5, RFC 6026 8.4", InviteClient.table),
    ("Non-INVITE client", "RFC 3261 17.1.2.2 and figure 6", NonInviteClient.table),
    ("INVITE server", "RFC 3261 17.2.1 and figure 7, RFC 6026 8.6", InviteServer.table),
    ("Non-INVITE server", "RFC 3261 17.2.2 and figure 8, RFC 4320 4", NonInviteServer.table),
)

_INTRODUCTION = """\
Transaction machines
====================

Written by ``python -m sipapp.transaction.drawing`` from the tables that run. Each line is an
arrow: what happens, the state entered, and what is done, in order. An event of the network or
of a timer that a state does not list is absorbed; a call of the user raises ``WrongState``.
"""


def drawing(table: Table[Any]) -> str:
    """Draw one table: a paragraph for each state, a line for each arrow."""
    paragraphs = []
    for state, rows in table.items():
        lines = [state.value]
        for event, (target, actions) in rows.items():
            verbs = ", ".join(action.__name__ for action in actions) or "-"
            lines.append(f"    {event.value:22} -> {target.value:10}  {verbs}")
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs) + "\n"


def page() -> str:
    """Return the whole page, reStructuredText, with a final line feed."""
    parts = [_INTRODUCTION]
    for name, clauses, table in _MACHINES:
        indented = "".join(
            f"    {line}\n" if line else "\n" for line in drawing(table).splitlines()
        )
        parts.append(
            f"{name}\n{'-' * len(name)}\n\n{clauses}\n\n.. code-block:: text\n\n{indented}"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
