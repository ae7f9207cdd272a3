"""How a verb ended, as a value."""

from __future__ import annotations

__all__ = ["Outcome"]

from dataclasses import dataclass

from sipapp.message.message import Response


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of `ICall.proxy`.

    Attributes:
        status: the final status; 200 stands for the 2xx that was relayed.
        response: the best failure as it was received, None for a 2xx or when the status was
            made up here (408 no answer, 480 no target, 500 nobody reachable, 440 breadth).
    """

    status: int
    response: Response | None = None

    @property
    def ok(self) -> bool:
        """Whether somebody accepted."""
        return 200 <= self.status < 300
