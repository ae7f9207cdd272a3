"""What every response context has in common, whatever it is made of.

RFC 3261 16 calls the state of a forwarded request its response context. There are two:
`Forwarding` searches several targets, `Straight` has one and nothing to decide. Both end in
one report: a 2xx went upstream, or here is the best failure.
"""

from __future__ import annotations

__all__ = ["DIALOG_METHODS", "Done", "ResponseContext"]

from collections.abc import Callable
from typing import Protocol

from sipapp.core.forking import Verdict
from sipapp.message.message import Request

DIALOG_METHODS = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
"""Requests that make dialogs, which a proxy stays in by Record-Route."""

Done = Callable[[Verdict | None], None]
"""Called once: with None when a 2xx was relayed, else with the best answer, not yet sent."""


class ResponseContext(Protocol):
    """What the proxy and a call hold while a request is forwarded."""

    def start(self) -> None:
        """Try the first target; an INVITE was answered 100 before."""

    def cancel(self) -> None:
        """Stop searching; ends in a 487 unless something overtakes it."""

    def cancelled(self, cancel: Request) -> None:
        """The caller sent CANCEL; the transaction layer has answered it."""
