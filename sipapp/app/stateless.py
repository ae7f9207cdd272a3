"""The stateless mode of the proxy: forwards without transactions (RFC 3261 16.11).

Only what is addressed to the server itself (REGISTER, OPTIONS) is served with a transaction.
A request goes to the best single target, because a search needs state; its responses follow
the Via header, retransmissions are forwarded like the first copy, and the same request always
gets the same branch.
"""

from __future__ import annotations

__all__ = ["StatelessReception"]

from hashlib import blake2b

from sipapp.app.reception import Reception
from sipapp.app.stack import Stack
from sipapp.errors import MessageError
from sipapp.message.message import Request, Response, response_to
from sipapp.transport.flow import Flow


class StatelessReception:
    """Takes messages from the transport in place of the transaction layer.

    Args:
        stack: what requests are decided with.
        reception: checks requests and authenticates, as in the stateful mode.
    """

    def __init__(self, stack: Stack, reception: Reception) -> None:
        self._stack = stack
        self._reception = reception

    def receive(self, message: Request | Response, flow: Flow) -> None:
        """Forward a message, or give it to the transaction layer if it is for the server."""
        if isinstance(message, Response):
            self._stack.proxy.forward_stateless_response(message)
        elif message.method == "REGISTER" or self._stack.ours.is_self(message):
            self._stack.transactions.receive(message, flow)
        else:
            self._forward(message, flow)

    def _forward(self, request: Request, flow: Flow) -> None:
        try:
            refusal = self._refusal(request, flow)
        except MessageError as error:
            refusal = (error.status_hint, [])
        if refusal is None:
            return
        status, extra = refusal
        if request.method != "ACK":
            self._answer(request, flow, status, extra)

    def _refusal(self, request: Request, flow: Flow) -> tuple[int, list[tuple[str, bytes]]] | None:
        """Send the request on, or return what refuses it."""
        stack = self._stack
        taken = stack.proxy.route_set.take_own(request, flow)
        refused = self._reception.check(request)
        if refused is None and request.method not in ("ACK", "CANCEL"):
            refused = self._reception.challenge(request, flow, taken)
        if refused is not None:
            return refused
        groups = stack.ours.targets_of(request)
        if not groups:
            return stack.ours.absent_status(request), []
        self._reception.clean(request)
        stack.proxy.forward_stateless(request, flow, groups[0][0], taken.way)
        return None

    def _answer(
        self, request: Request, flow: Flow, status: int, extra: list[tuple[str, bytes]]
    ) -> None:
        """Answer without state: a repeated request gets the same To tag (RFC 3261 8.2.7)."""
        seed = (request.headers.get("Via") or b"") + (request.headers.get("Call-ID") or b"")
        tag = blake2b(seed, digest_size=8).hexdigest()
        response = response_to(request, status, to_tag=tag, extra=extra)
        self._stack.transport.reply_flow(request, flow).send(response.to_bytes())
