"""One request on its way through the proxy: its branches and what becomes of them.

`Fork` decides, `Forwarding` carries out: it builds the copies, finds the next hops, starts
and cancels client transactions and sends what comes back upstream. A failed next hop is
replaced by the next address of the same target on a new branch (RFC 3263 4.3) before the
fork hears of it.
"""

from __future__ import annotations

__all__ = ["DIALOG_METHODS", "Done", "Forwarding"]

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sipapp.core.branch import Branch
from sipapp.core.forking import Action, Cancel, Finish, Fork, Launch, Relay, Verdict
from sipapp.core.rewriting import DEFAULT_BREADTH, breadth_of, estimated_size, forwarded, loop_mark
from sipapp.core.target import Target
from sipapp.message.message import Request, Response, response_to
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.wheel import IDLE
from sipapp.transport.flow import Flow

if TYPE_CHECKING:
    from sipapp.core.proxy import Proxy

DIALOG_METHODS = frozenset({"INVITE", "SUBSCRIBE", "REFER"})

Done = Callable[[Verdict | None], None]
"""Called once: with None when a 2xx was relayed, else with the best answer, not yet sent."""


class Forwarding:
    """The response context of one request (RFC 3261 16), bound to its server transaction.

    Args:
        proxy: what it forwards with.
        tx: the server transaction; its CANCEL is taken over.
        targets: serial groups of parallel targets.
        done: told once how it ended; a failure is not sent upstream, that is the caller's.
        ring: seconds each group may ring before the next is tried, None for no limit.
        record_route: whether to stay on the path of the dialog.
        recurse: further targets out of a 3xx, or None.
        in_dialog: the request follows our signed route set.
    """

    __slots__ = (
        "_branches", "_done", "_loop_mark", "_record_route", "_ring", "_share", "due", "fork",
        "proxy", "size", "tx",
    )  # fmt: skip

    def __init__(
        self,
        proxy: Proxy,
        tx: ServerTransaction,
        targets: Sequence[Sequence[Target]],
        done: Done,
        *,
        ring: float | None = None,
        record_route: bool = True,
        recurse: Callable[[Response], Sequence[Target]] | None = None,
        in_dialog: bool = False,
    ) -> None:
        self.proxy = proxy
        self.tx = tx
        self.fork: Fork[Target] = Fork(targets, invite=tx.invite, recurse=recurse)
        self.size = estimated_size(tx.request)
        self.due = IDLE
        self._branches: dict[int, Branch] = {}
        self._done: Done | None = done
        # What is inside a dialog is not forked, so it cannot loop through a fork either.
        self._loop_mark = "z9hG4bK" if in_dialog else loop_mark(tx.request, proxy.signer)
        self._record_route = record_route and tx.request.method in DIALOG_METHODS
        self._ring = ring
        self._share = DEFAULT_BREADTH

    def start(self) -> None:
        """Send 100 and try the first group."""
        if self.fork.invite:
            self.tx.respond(response_to(self.tx.request, 100))
            if self.tx.cancelled is None:  # else the application's call hears of it first
                self.tx.cancelled = self.cancelled
        self.apply(self.fork.begin())

    def leave(self, number: int) -> None:
        """Called by a branch that has ended: it is cancelled no more."""
        self._branches.pop(number, None)

    def cancelled(self, cancel: Request) -> None:
        """The caller sent CANCEL; the transaction layer has answered it."""
        self.cancel()

    def cancel(self) -> None:
        """Stop searching; ends in a 487 unless something overtakes it."""
        self.apply(self.fork.cancel())

    def on_timer(self, now: float) -> None:
        """The ring time of the current group is over."""
        self.apply(self.fork.ring_over())

    def apply(self, actions: list[Action[Target]]) -> None:
        """Carry out what the fork decided."""
        launched: list[Branch] = []
        for action in actions:
            if type(action) is Relay:
                self._relay(action.response)
            elif type(action) is Launch:
                branch = Branch(self, action.branch, action.target)
                self._branches[action.branch] = branch
                launched.append(branch)
            elif type(action) is Cancel:
                self._branches[action.branch].cancel()
            elif type(action) is Finish:
                self._finish(action.verdict)
        if launched:
            self._begin_group(len(launched))
            for branch in launched:
                branch.start()

    def copy_for(self, target: Target, flow: Flow) -> Request:
        """Build the request for one target over one flow."""
        proxy = self.proxy
        routes: Sequence[bytes] = ()
        if self._record_route:
            routes = proxy.route_set.record_routes(self.tx.request, self.tx.flow, flow)
        return forwarded(
            self.tx.request,
            raw_uri=target.raw_uri,
            via=proxy.via_line(flow, f"{self._loop_mark}.{proxy.new_token()}"),
            record_routes=routes,
            path=target.path,
            breadth=self._share,
        )

    def _begin_group(self, size: int) -> None:
        """Split Max-Breadth over the group (RFC 5393 5.3.3.1) and start its ring time."""
        self._share = max(1, breadth_of(self.tx.request, self.proxy.max_breadth) // size)
        if self._ring is not None:
            self.proxy.wheel.arm(self, self._ring)

    def _relay(self, response: Response) -> None:
        if not self.tx.finished or self.fork.accepted:
            self.tx.respond(response)
        if response.final:
            if self._ring is not None:
                self.proxy.wheel.disarm(self)
            self._report(None)

    def _finish(self, verdict: Verdict) -> None:
        if self._ring is not None:
            self.proxy.wheel.disarm(self)
        self._report(verdict)

    def _report(self, verdict: Verdict | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(verdict)
