"""The proxy core: forwards requests, statefully or statelessly (RFC 3261 16).

It decides nothing about *who* gets a call: targets come from an application. It uses no
dialog. Requests inside a dialog that this server record-routed come back with our signed
Route and are forwarded by `Proxy.forward_in_dialog` without any application.
"""

from __future__ import annotations

__all__ = ["Proxy"]

from collections.abc import Callable, Sequence
from functools import partial

from sipapp.core.context import DIALOG_METHODS, Done, ResponseContext
from sipapp.core.forking import Verdict
from sipapp.core.forwarding import Forwarding
from sipapp.core.options import ALLOW
from sipapp.core.outgoing import Outgoing
from sipapp.core.rewriting import DEFAULT_BREADTH, breadth_of, estimated_size
from sipapp.core.routing import Taken
from sipapp.core.straight import Straight
from sipapp.core.target import Target
from sipapp.errors import MessageError, ResolveFailed
from sipapp.message.message import Request, Response, response_to
from sipapp.transaction.server import ServerTransaction
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop, default_port


class Proxy:
    """Forwards requests.

    Args:
        outgoing: what it forwards with.
        max_breadth: branches that one request may have at once, 1 to 60 (RFC 5393).

    Attributes:
        route_set: knows our own Route entries again.
    """

    __slots__ = ("_max_breadth", "_outgoing", "route_set")

    def __init__(self, outgoing: Outgoing, *, max_breadth: int = DEFAULT_BREADTH) -> None:
        self._outgoing = outgoing
        self._max_breadth = max_breadth
        self.route_set = outgoing.route_set

    def forward(
        self,
        tx: ServerTransaction,
        groups: Sequence[Sequence[Target]],
        done: Done,
        *,
        ring: float | None = None,
        record_route: bool = True,
        recurse: Callable[[Response], list[list[Target]]] | None = None,
    ) -> ResponseContext | None:
        """Try the groups of targets one after another, the members of a group at once.

        Args:
            tx: an open server transaction.
            groups: may be empty.
            done: called exactly once: with None when a 2xx went upstream, else with the
                best failure, which is not sent.
            ring: seconds each group may ring.
            record_route: stay in the path of the dialog.
            recurse: gives more groups of targets out of a 3xx.

        Returns: the response context, or None when ``done`` was already told 440.
        Raises:
            MessageError: Max-Breadth is broken (hint 400).
        """
        request = tx.request
        breadth = breadth_of(request, self._max_breadth)
        if breadth < 1:
            done(Verdict(440))
            return None
        stay = record_route and request.method in DIALOG_METHODS
        context: ResponseContext
        if len(groups) == 1 and len(groups[0]) == 1 and ring is None and recurse is None:
            context = Straight(self._outgoing, tx, groups[0][0], done, breadth, record_route=stay)
        else:
            context = Forwarding(
                self._outgoing,
                tx,
                groups,
                done,
                breadth,
                ring=ring,
                record_route=stay,
                recurse=recurse,
            )
        self._start(context, tx)
        return context

    def forward_in_dialog(self, tx: ServerTransaction, way: Hop | None = None) -> None:
        """Send a request of a record-routed dialog on to its Request-URI or next Route.

        Args:
            tx: its server transaction.
            way: the far end of the flow that its Route named.
        """
        request = tx.request
        target = self._in_dialog_target(request, way)
        breadth = breadth_of(request, self._max_breadth)
        done = partial(self.answer, tx)
        self._start(Straight(self._outgoing, tx, target, done, breadth, in_dialog=True), tx)

    def _start(self, context: ResponseContext, tx: ServerTransaction) -> None:
        """Send 100 to an INVITE that was told nothing yet, and try the first target."""
        if tx.invite:
            if tx.silent:
                tx.respond(response_to(tx.request, 100))
            if tx.cancelled is None:  # else the application's call hears of it first
                tx.cancelled = context.cancelled
        context.start()

    def answer(self, tx: ServerTransaction, verdict: Verdict | None) -> None:
        """Send the failure that a fork ended with; None and closed transactions need nothing."""
        if verdict is None or tx.finished:
            return
        if verdict.response is not None:
            response = verdict.response
        else:
            extra = [("Allow", ALLOW)] if verdict.status == 501 else []
            response = response_to(tx.request, verdict.status, to_tag=tx.to_tag, extra=extra)
        tx.respond(response)

    def forward_ack(self, request: Request, came: Flow, way: Hop | None = None) -> None:
        """Send the ACK of a 2xx on; it has no transaction of its own here (RFC 3261 13.2.2.4).

        Each repetition may have a branch of its own: nothing is ever matched with it.
        """
        branch = "z9hG4bK" + self._outgoing.new_token()
        target = self._in_dialog_target(request, way)
        self._pass_on(request, came, target, branch, record_route=False)

    def forward_stateless(
        self, request: Request, came: Flow, target: Target, way: Hop | None = None
    ) -> None:
        """Send a request on without any state (RFC 3261 16.11)."""
        if way is not None:
            target = self._in_dialog_target(request, way)
        record_route = request.method in DIALOG_METHODS and request.to_tag is None
        branch = self._stateless_branch(request)
        self._pass_on(request, came, target, branch, record_route=record_route)

    def forward_stateless_response(self, response: Response) -> None:
        """Send a response of a statelessly forwarded request on by its next Via.

        RFC: 3261 16.11, 18.2.2. We wrote ``received`` and ``rport`` into that Via, and our branch
        signs them: what answers no request of ours is dropped.

        Args:
            response: our own Via, checked by the transport, is on top.
        """
        branch = response.top_via.branch
        response.pop_via()
        if "Via" not in response.headers.names:
            return
        try:
            via = response.top_via
            ours = branch == self._stateless_branch(response)
        except MessageError:
            return
        if not ours:
            return
        port = int(via.rport) if via.rport else via.port or default_port(via.transport)
        hop = Hop(via.transport, via.received or via.host, port)
        self._outgoing.transport.flow_to(hop).send(response.to_bytes())

    def is_between_peers(self, request: Request, taken: Taken) -> bool:
        """Tell whether a request of a record-routed dialog goes where that call was before.

        Anybody who has seen the call can put our Route into a request to somewhere else; that is
        a new request and has to be authenticated (hostile.md A11).
        """
        if taken.way is not None:
            return True
        hops = self._outgoing.literal(request, Target(request.uri)) or []
        return any(self.route_set.leads_back(request, taken, hop.host) for hop in hops)

    def _in_dialog_target(self, request: Request, way: Hop | None) -> Target:
        """The Request-URI, over the flow of ``way`` while there is one (RFC 5626 5.3)."""
        flow = None if way is None else self._outgoing.transport.flow_back(way)
        return Target(request.uri, flow=flow)

    def _pass_on(
        self, request: Request, came: Flow, target: Target, branch: str, *, record_route: bool
    ) -> None:
        """Send a copy to the first place there is, and forget it."""
        if request.max_forwards == 0:
            return
        send = partial(self._send_copy, request, came, target, branch, record_route)
        if target.flow is not None and not target.path:
            send(target.flow)
        elif (hops := self._outgoing.literal(request, target)) is not None:
            send(hops)
        else:
            self._outgoing.locate(request, target, send)

    def _send_copy(
        self,
        request: Request,
        came: Flow,
        target: Target,
        branch: str,
        record_route: bool,
        found: Flow | list[Hop] | ResolveFailed,
    ) -> None:
        """Send a copy over a flow, or to the first of the hops."""
        if not isinstance(found, Flow):
            if not found or isinstance(found, ResolveFailed):
                return
            found = self._outgoing.transport.flow_to(found[0], size=estimated_size(request))
        copy = self._outgoing.copy_for(
            request, came, target, found, branch, DEFAULT_BREADTH, record_route
        )
        found.send(copy.to_bytes())

    def _stateless_branch(self, message: Request | Response) -> str:
        """Return the branch that every repetition of a request gets again.

        RFC: 3261 16.11: from the topmost Via, and from more where that has no magic cookie. A
        response gives the same branch once our own Via is off, so that it cannot be forged.
        """
        via = message.top_via
        parts = [via.branch or "", via.sent_by, via.received or "", via.rport or ""]
        if not parts[0].startswith("z9hG4bK") or parts[0] == "z9hG4bK":
            parts += [message.call_id, message.from_tag or "", str(message.cseq.number)]
        wire = [part.encode("utf-8", "surrogateescape") for part in parts]
        return "z9hG4bK" + self._outgoing.signer.sign(b"stateless", *wire)
