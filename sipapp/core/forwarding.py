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

from sipapp.core.forking import Action, Cancel, Finish, Fork, Launch, Relay, Verdict
from sipapp.core.rewriting import DEFAULT_BREADTH, breadth_of, estimated_size, forwarded, loop_mark
from sipapp.core.target import Target
from sipapp.errors import ResolveFailed, TransportError
from sipapp.message.message import Request, Response, response_to
from sipapp.transaction.client import ClientTransaction
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.wheel import IDLE
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop

if TYPE_CHECKING:
    from sipapp.core.proxy import Proxy

DIALOG_METHODS = frozenset({"INVITE", "SUBSCRIBE", "REFER"})

Done = Callable[[Verdict | None], None]
"""Called once: with None when a 2xx was relayed, else with the best answer, not yet sent."""


class Branch:
    """One client transaction at a time towards one target; also the entry of Timer C."""

    __slots__ = (
        "_client",
        "_hop",
        "_hops",
        "_provisional",
        "due",
        "forwarding",
        "number",
        "target",
    )

    def __init__(self, forwarding: Forwarding, number: int, target: Target) -> None:
        self.forwarding = forwarding
        self.number = number
        self.target = target
        self.due = IDLE
        self._hop: Hop | None = None
        self._hops: list[Hop] = []
        self._client: ClientTransaction | None = None
        self._provisional = False

    def start(self) -> None:
        """Find the next hop and send; what fails is reported to the fork."""
        flow = self.target.flow
        if flow is not None and not self.target.path:
            if flow.closed:
                self.forwarding.apply(self.forwarding.fork.lost(self.number, 430))
            else:
                self._send(flow)
            return
        self.forwarding.proxy.locate(self.forwarding.request, self.target, self._located)

    def cancel(self) -> None:
        """Cancel the client transaction, or forget the target if it has none yet."""
        if self._client is not None:
            self._client.cancel()
        else:
            self._hops = []
            self.forwarding.apply(self.forwarding.fork.lost(self.number, 487))

    def response(self, tx: ClientTransaction, response: Response) -> None:
        """Called by the transaction layer with every response of this branch."""
        status = response.status
        forwarding = self.forwarding
        if status < 200:
            self._provisional = True
            if forwarding.fork.invite and status > 100:
                forwarding.proxy.wheel.arm(self, forwarding.proxy.timer_c)
            if status == 100:
                return
        else:
            self._finished()
            if status == 503 and self._retry_elsewhere():
                return
        response.pop_via()
        if "Via" not in response.headers.names:
            return  # an answer to ourselves: nobody is upstream
        forwarding.apply(forwarding.fork.response(self.number, response))

    def timed_out(self, tx: ClientTransaction) -> None:
        """Called by the transaction layer when timer B or F fired."""
        self._finished()
        if self._provisional or not self._retry_elsewhere():
            self.forwarding.apply(self.forwarding.fork.timed_out(self.number))

    def failed(self, tx: ClientTransaction, error: TransportError) -> None:
        """Called by the transaction layer when the flow broke."""
        self._finished()
        if self._hop is not None and self._hop.transport == "UDP" and tx.flow.reliable:
            # Too large for a datagram, but the peer takes no TCP: back to UDP (18.1.1).
            self._hops.insert(0, self._hop)
            self._hop = None
        if not self._retry_elsewhere():
            status = 430 if self.target.flow is not None else 503
            self.forwarding.apply(self.forwarding.fork.lost(self.number, status))

    def on_timer(self, now: float) -> None:
        """Timer C fired (RFC 3261 16.8)."""
        fork = self.forwarding.fork
        self.forwarding.apply(fork.timer_c(self.number, provisional=self._provisional))

    def _located(self, hops: list[Hop] | ResolveFailed) -> None:
        fork = self.forwarding.fork
        if isinstance(hops, ResolveFailed) or not hops:
            self.forwarding.apply(fork.lost(self.number, 503))
            return
        self._hops = list(hops)
        self._retry_elsewhere()

    def _retry_elsewhere(self) -> bool:
        """Send to the next address of the target; False when there is none left."""
        if not self._hops or self.forwarding.fork.stopped:
            return False
        hop = self._hop = self._hops.pop(0)
        self._send(self.forwarding.proxy.transport.flow_to(hop, size=self.forwarding.size))
        return True

    def _send(self, flow: Flow) -> None:
        forwarding = self.forwarding
        proxy = forwarding.proxy
        self._provisional = False
        request = forwarding.copy_for(self.target, flow)
        if forwarding.fork.invite:
            proxy.wheel.arm(self, proxy.timer_c)
        self._client = proxy.transactions.send(request, flow, self)

    def _finished(self) -> None:
        self._client = None
        if self.forwarding.fork.invite:
            self.forwarding.proxy.wheel.disarm(self)


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
        "proxy", "request", "size", "tx",
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
        self.request: Request = tx.request
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
            self.tx.respond(response_to(self.request, 100))
            self.tx.cancelled = self.cancelled
        self.apply(self.fork.begin())

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
            routes = proxy.route_set.record_routes(self.request, self.tx.flow, flow)
        return forwarded(
            self.request,
            raw_uri=target.raw_uri,
            via=proxy.via_line(flow, f"{self._loop_mark}.{proxy.new_token()}"),
            record_routes=routes,
            path=target.path,
            breadth=self._share,
        )

    def _begin_group(self, size: int) -> None:
        """Split Max-Breadth over the group (RFC 5393 5.3.3.1) and start its ring time."""
        self._share = max(1, breadth_of(self.request, self.proxy.max_breadth) // size)
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
            self.tx.cancelled = None
            done(verdict)
