"""One branch of a forwarded request: a target, its addresses, one client transaction at a time.

After its end only its client transaction holds a branch, for the repetitions of a 2xx. So it lets
go of everything but the way upstream.
"""

from __future__ import annotations

__all__ = ["Branch", "relay_2xx"]


from sipapp.core.outgoing import Outgoing
from sipapp.core.rewriting import estimated_size
from sipapp.core.target import Target
from sipapp.errors import ResolveFailed, TransportError
from sipapp.message.message import Request, Response
from sipapp.transaction.client import ClientTransaction
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.wheel import IDLE
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop


class Branch:
    """The user of a client transaction, and the entry of Timer C in the wheel.

    What becomes of a response or a failure is for the two kinds of branches to say.

    Args:
        outgoing: what it forwards with.
        tx: the server transaction whose request it forwards.
        target: where it goes.
    """

    __slots__ = ("_client", "_hop", "_hops", "_provisional", "_target", "due", "outgoing", "tx")

    def __init__(self, outgoing: Outgoing, tx: ServerTransaction, target: Target) -> None:
        self.due = IDLE
        self.outgoing = outgoing
        self.tx = tx
        self._target: Target | None = target
        self._hop: Hop | None = None
        self._hops: list[Hop] | None = None
        self._client: ClientTransaction | None = None
        self._provisional = False

    @property
    def stopped(self) -> bool:
        """Whether nothing new may be sent any more."""
        raise NotImplementedError

    def copy_for(self, target: Target, flow: Flow) -> Request:
        """Build the request that goes out over ``flow``."""
        raise NotImplementedError

    def answered(self, response: Response) -> None:
        """A response came that is meant for upstream; our Via was taken off."""
        raise NotImplementedError

    def unanswered(self) -> None:
        """It ended without an answer: acts as 408 (16.8)."""
        raise NotImplementedError

    def lost(self, status: int) -> None:
        """It could not be sent anywhere, or no more: acts as ``status`` (16.9)."""
        raise NotImplementedError

    def on_timer(self, now: float) -> None:
        """Timer C fired (16.8): cancel what rings, give up what is silent."""
        raise NotImplementedError

    def start(self) -> None:
        """Find the next hop and send."""
        target = self._target
        if target is None:
            return
        if target.flow is None or target.path:
            hops = self.outgoing.literal(self.tx.request, target)
            if hops is None:
                self.outgoing.locate(self.tx.request, target, self._located)
            else:
                self._located(hops)
        elif target.flow.closed:
            self._lose(430)
        else:
            self._send(target, target.flow)

    def cancel(self) -> None:
        """Cancel the client transaction, or forget the target if it has none yet."""
        if self._client is not None:
            self._client.cancel()
        else:
            self._lose(487)

    def response(self, tx: ClientTransaction, response: Response) -> None:
        """Called by the transaction layer with every response of this branch."""
        status = response.status
        if status < 200:
            self._provisional = True
            if status == 100:
                return
            if self.tx.invite:
                self.outgoing.wheel.arm(self, self.outgoing.timer_c)
        elif self._client is not None:
            self._stop()
            if status == 503 and self._try_next():
                return
        response.pop_via()
        upstream = "Via" in response.headers.names
        if status >= 200:
            self._release()
            if not upstream:  # it cannot be passed on (16.7 step 3), but the branch has ended
                self.lost(502)
                return
        if upstream:
            self.answered(response)

    def timed_out(self, tx: ClientTransaction) -> None:
        """Called by the transaction layer when timer B or F fired."""
        self._stop()
        if self._provisional or not self._try_next():
            self._release()
            self.unanswered()

    def failed(self, tx: ClientTransaction, error: TransportError) -> None:
        """Called by the transaction layer when the flow broke."""
        self._stop()
        if self._hop is not None and self._hop.transport == "UDP" and tx.flow.reliable:
            # Too large for a datagram, but the peer takes no TCP: back to UDP (18.1.1).
            self._hops = [self._hop, *(self._hops or ())]
            self._hop = None
        if not self._try_next():
            over_flow = self._target is not None and self._target.flow is not None
            self._lose(430 if over_flow else 503)

    def _located(self, hops: list[Hop] | ResolveFailed) -> None:
        if isinstance(hops, ResolveFailed) or not hops:
            self._lose(503)
            return
        self._hops = hops
        self._try_next()

    def _try_next(self) -> bool:
        """Send to the next address of the target; False when there is none left."""
        target = self._target
        if target is None or not self._hops or self.stopped:
            return False
        hop = self._hop = self._hops.pop(0)
        size = estimated_size(self.tx.request)
        self._send(target, self.outgoing.transport.flow_to(hop, size=size))
        return True

    def _send(self, target: Target, flow: Flow) -> None:
        outgoing = self.outgoing
        self._provisional = False
        request = self.copy_for(target, flow)
        if self.tx.invite:
            outgoing.wheel.arm(self, outgoing.timer_c)
        self._client = outgoing.transactions.send(request, flow, self)

    def _stop(self) -> None:
        """The client transaction has ended, or will do so by itself."""
        self._client = None
        if self.due:
            self.outgoing.wheel.disarm(self)

    def _lose(self, status: int) -> None:
        self._release()
        self.lost(status)

    def _release(self) -> None:
        """What may still come are repetitions of a 2xx."""
        self._target = self._hops = self._hop = None


def relay_2xx(tx: ServerTransaction, response: Response, *, accepted: bool) -> None:
    """Send a 2xx upstream, even after a failure was sent (RFC 3261 16.7 step 5).

    Args:
        tx: the server transaction of the INVITE, or of another request that is still open.
        response: our Via was taken off.
        accepted: whether a 2xx went through ``tx`` before.
    """
    if accepted or not tx.finished:
        tx.respond(response)
    else:  # no row of the machine sends it; its caller may still take the call
        tx.reply.send(response.to_bytes())
