"""What every response context has: a server transaction, and the copies that go out for it.

RFC 3261 16 calls the state of a forwarded request its response context. There are two:
`Forwarding` searches several targets, `Straight` has one and nothing to decide. Both end in
one report: a 2xx went upstream, or here is the best failure.
"""

from __future__ import annotations

__all__ = ["DIALOG_METHODS", "Done", "ResponseContext"]

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sipapp.core.forking import Verdict
from sipapp.core.rewriting import breadth_of, estimated_size, forwarded, loop_mark
from sipapp.core.target import Target
from sipapp.message.message import Request, Response, response_to
from sipapp.transaction.server import ServerTransaction
from sipapp.transport.flow import Flow

if TYPE_CHECKING:
    from sipapp.core.proxy import Proxy

DIALOG_METHODS = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
"""Requests that make dialogs, which a proxy stays in by Record-Route."""

Done = Callable[[Verdict | None], None]
"""Called once: with None when a 2xx was relayed, else with the best answer, not yet sent."""


class ResponseContext:
    """The common part; what `Branch` reports to is for the two kinds to fill in.

    Args:
        proxy: what it forwards with.
        tx: the server transaction; its CANCEL is taken over unless somebody has it already.
        done: told once how it ended; a failure is not sent upstream, that is the caller's.
        record_route: whether to stay on the path of the dialog.
        in_dialog: the request follows our signed route set.
    """

    __slots__ = ("_done", "_loop_mark", "_record_route", "_share", "invite", "proxy", "size", "tx")

    def __init__(
        self,
        proxy: Proxy,
        tx: ServerTransaction,
        done: Done,
        *,
        record_route: bool = True,
        in_dialog: bool = False,
    ) -> None:
        request = tx.request
        self.proxy = proxy
        self.tx = tx
        self.invite = tx.invite
        self.size = estimated_size(request)
        self._done: Done | None = done
        # What is inside a dialog is not forked, so it cannot loop through a fork either.
        self._loop_mark = "z9hG4bK" if in_dialog else loop_mark(request, proxy.signer)
        self._record_route = record_route and request.method in DIALOG_METHODS
        self._share = breadth_of(request, proxy.max_breadth)

    @property
    def stopped(self) -> bool:
        """Whether nothing new may be sent any more."""
        raise NotImplementedError

    def start(self) -> None:
        """Send 100 to an INVITE and try the first target."""
        if self.invite:
            self.tx.respond(response_to(self.tx.request, 100))
            if self.tx.cancelled is None:  # else the application's call hears of it first
                self.tx.cancelled = self.cancelled
        self.begin()

    def begin(self) -> None:
        """Try the first target."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Stop searching; ends in a 487 unless something overtakes it."""
        raise NotImplementedError

    def response(self, number: int, response: Response) -> None:
        """A branch got a response; our Via was taken off."""
        raise NotImplementedError

    def timed_out(self, number: int) -> None:
        """A branch ended without an answer: acts as 408 (16.8)."""
        raise NotImplementedError

    def lost(self, number: int, status: int = 503) -> None:
        """A branch could not be sent anywhere, or no more: acts as ``status`` (16.9)."""
        raise NotImplementedError

    def timer_c(self, number: int, *, provisional: bool) -> None:
        """Timer C of a branch fired (16.8)."""
        raise NotImplementedError

    def leave(self, number: int) -> None:
        """A branch has ended and is cancelled no more."""
        raise NotImplementedError

    def cancelled(self, cancel: Request) -> None:
        """The caller sent CANCEL; the transaction layer has answered it."""
        self.cancel()

    def copy_for(self, target: Target, flow: Flow) -> Request:
        """Build the request for one target over one flow."""
        proxy, request = self.proxy, self.tx.request
        routes: Sequence[bytes] = ()
        if self._record_route:
            pinned = target.flow is not None and not target.path
            routes = proxy.route_set.record_routes(request, self.tx.flow, flow, pinned=pinned)
        return forwarded(
            request,
            raw_uri=target.raw_uri,
            via=proxy.via_line(flow, f"{self._loop_mark}.{proxy.new_token()}"),
            record_routes=routes,
            path=target.path,
            breadth=self._share,
        )

    def _report(self, verdict: Verdict | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(verdict)
