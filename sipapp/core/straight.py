"""One target, no search: most calls, and every request inside a dialog.

The rules are those of `Fork` for a single branch, without its lists: a third of the cost of
forwarding a message.
"""

from __future__ import annotations

__all__ = ["Straight"]


from sipapp.core.branch import Branch, relay_2xx
from sipapp.core.context import Done
from sipapp.core.forking import Verdict, best_of
from sipapp.core.outgoing import Outgoing
from sipapp.core.rewriting import loop_mark
from sipapp.core.target import Target
from sipapp.message.message import Request, Response
from sipapp.transaction.server import ServerTransaction
from sipapp.transport.flow import Flow


class Straight(Branch):
    """The response context of a request with one target: that branch itself.

    Args:
        outgoing: what it forwards with.
        tx: the server transaction.
        target: where it goes.
        done: told once how it ended; a failure is not sent upstream, that is the caller's.
        breadth: the Max-Breadth that goes along.
        record_route: whether to stay on the path of the dialog.
        in_dialog: the request follows our signed route set.
    """

    __slots__ = (
        "_accepted", "_breadth", "_cancelled", "_done", "_ended", "_in_dialog", "_record_route",
    )  # fmt: skip

    def __init__(
        self,
        outgoing: Outgoing,
        tx: ServerTransaction,
        target: Target,
        done: Done,
        breadth: int,
        *,
        record_route: bool = False,
        in_dialog: bool = False,
    ) -> None:
        super().__init__(outgoing, tx, target)
        self._done: Done | None = done
        self._breadth = breadth
        self._record_route = record_route
        self._in_dialog = in_dialog
        self._cancelled = False
        self._accepted = False
        self._ended = False

    @property
    def stopped(self) -> bool:
        """Whether nothing new may be sent any more."""
        return self._ended or self._cancelled

    def copy_for(self, target: Target, flow: Flow) -> Request:
        """Build the request that goes out over ``flow``."""
        outgoing, tx = self.outgoing, self.tx
        # What is inside a dialog is not forked, so it cannot loop through a fork either.
        mark = "z9hG4bK" if self._in_dialog else loop_mark(tx.request, outgoing.signer)
        branch = f"{mark}.{outgoing.new_token()}"
        return outgoing.copy_for(
            tx.request, tx.flow, target, flow, branch, self._breadth, self._record_route
        )

    def cancelled(self, cancel: Request) -> None:
        """The caller sent CANCEL; the transaction layer has answered it."""
        self.cancel()

    def cancel(self) -> None:
        """Cancel the search, once."""
        if not self.stopped and self._target is not None:
            self._cancelled = True
            super().cancel()

    def answered(self, response: Response) -> None:
        """Relay what is provisional or accepts; report what does not."""
        status = response.status
        if status >= 300:
            self._fail(Verdict(status, response))
        elif status < 200:
            if not self.tx.finished:
                self.tx.respond(response)
        elif not self._accepted or self.tx.invite:  # every 2xx of an INVITE makes a dialog
            relay_2xx(self.tx, response, accepted=self._accepted)
            self._accepted = self._ended = True
            self._report(None)

    def unanswered(self) -> None:
        """Report 408."""
        self._fail(Verdict(408))

    def lost(self, status: int) -> None:
        """Report ``status``."""
        self._fail(Verdict(status))

    def on_timer(self, now: float) -> None:
        """Timer C fired: cancel what rings, give up what is silent."""
        if self._provisional and self._target is not None:
            super().cancel()
        else:
            self._fail(Verdict(408))

    def _fail(self, verdict: Verdict) -> None:
        if not self._ended:
            self._ended = True
            self._report(best_of([verdict], cancelled=self._cancelled))

    def _report(self, verdict: Verdict | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(verdict)
