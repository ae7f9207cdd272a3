"""One branch of a forwarded request: a target, its addresses, and one client transaction at a time.

A branch belongs to its response context until it has ended. Afterwards only its client transaction
holds it, for the repetitions of a 2xx, so it lets go of everything but the way upstream.
"""

from __future__ import annotations

__all__ = ["Branch"]

from typing import TYPE_CHECKING

from sipapp.core.target import Target
from sipapp.errors import ResolveFailed, TransportError
from sipapp.message.message import Response
from sipapp.transaction.client import ClientTransaction
from sipapp.transaction.wheel import IDLE
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop

if TYPE_CHECKING:
    from sipapp.core.context import ResponseContext


class Branch:
    """The user of a client transaction, and the entry of Timer C in the wheel.

    Args:
        context: whose branch it is.
        number: what the context calls it.
        target: where it goes.
    """

    __slots__ = (
        "_client", "_context", "_hop", "_hops", "_number", "_provisional", "_target", "due",
    )  # fmt: skip

    def __init__(self, context: ResponseContext, number: int, target: Target) -> None:
        self.due = IDLE
        self._context = context
        self._number = number
        self._target: Target | None = target
        self._hop: Hop | None = None
        self._hops: list[Hop] | None = None
        self._client: ClientTransaction | None = None
        self._provisional = False

    def start(self) -> None:
        """Find the next hop and send; what fails is reported to the context."""
        target = self._target
        if target is None:
            return
        if target.flow is None or target.path:
            context = self._context
            context.proxy.locate(context.tx.request, target, self._located)
        elif target.flow.closed:
            self._lost(430)
        else:
            self._send(target, target.flow)

    def cancel(self) -> None:
        """Cancel the client transaction, or forget the target if it has none yet."""
        if self._client is not None:
            self._client.cancel()
        else:
            self._lost(487)

    def response(self, tx: ClientTransaction, response: Response) -> None:
        """Called by the transaction layer with every response of this branch."""
        status = response.status
        context = self._context
        if status < 200:
            self._provisional = True
            if status == 100:
                return
            if context.invite:
                context.proxy.wheel.arm(self, context.proxy.timer_c)
        elif self._client is not None:
            self._stop()
            if status == 503 and self._try_next():
                return
        response.pop_via()
        if "Via" not in response.headers.names:
            return  # an answer to ourselves: nobody is upstream
        if status >= 200:
            self._release()
        context.response(self._number, response)

    def timed_out(self, tx: ClientTransaction) -> None:
        """Called by the transaction layer when timer B or F fired."""
        self._stop()
        if self._provisional or not self._try_next():
            self._release()
            self._context.timed_out(self._number)

    def failed(self, tx: ClientTransaction, error: TransportError) -> None:
        """Called by the transaction layer when the flow broke."""
        self._stop()
        if self._hop is not None and self._hop.transport == "UDP" and tx.flow.reliable:
            # Too large for a datagram, but the peer takes no TCP: back to UDP (18.1.1).
            self._hops = [self._hop, *(self._hops or ())]
            self._hop = None
        if not self._try_next():
            over_flow = self._target is not None and self._target.flow is not None
            self._lost(430 if over_flow else 503)

    def on_timer(self, now: float) -> None:
        """Timer C fired (RFC 3261 16.8)."""
        self._context.timer_c(self._number, provisional=self._provisional)

    def _located(self, hops: list[Hop] | ResolveFailed) -> None:
        if isinstance(hops, ResolveFailed) or not hops:
            self._lost(503)
            return
        self._hops = list(hops)
        self._try_next()

    def _try_next(self) -> bool:
        """Send to the next address of the target; False when there is none left."""
        target = self._target
        if target is None or not self._hops or self._context.stopped:
            return False
        hop = self._hop = self._hops.pop(0)
        context = self._context
        self._send(target, context.proxy.transport.flow_to(hop, size=context.size))
        return True

    def _send(self, target: Target, flow: Flow) -> None:
        context = self._context
        proxy = context.proxy
        self._provisional = False
        request = context.copy_for(target, flow)
        if context.invite:
            proxy.wheel.arm(self, proxy.timer_c)
        self._client = proxy.transactions.send(request, flow, self)

    def _stop(self) -> None:
        """The client transaction has ended, or will do so by itself."""
        self._client = None
        if self.due:
            self._context.proxy.wheel.disarm(self)

    def _lost(self, status: int) -> None:
        self._release()
        self._context.lost(self._number, status)

    def _release(self) -> None:
        """Leave the context; what may still come are repetitions of a 2xx."""
        self._target = self._hops = self._hop = None
        self._context.leave(self._number)
